"""What a benchmark promised, and whether it was kept."""


def at_least(name, value, wanted, unit=""):
    return _judged(name, value, wanted, ">=", unit, value >= wanted)


def below(name, value, wanted, unit=""):
    return _judged(name, value, wanted, "<", unit, value < wanted)


def _judged(name, value, wanted, relation, unit, kept):
    print(f"{'kept' if kept else 'NOT KEPT'}: {name} {value:,g}{unit} (wanted: {relation} {wanted:,g}{unit})")
    return {"promise": name, "value": value, "bound": f"{relation} {wanted}", "unit": unit.strip(),
            "kept": kept}


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
