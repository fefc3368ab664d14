#include "indexer/ops/fsck_fault.hpp"

namespace media::ops {

Fault fault_of(FaultKind kind, std::string_view store, const db::Rows& rows, std::size_t row) {
  Fault fault;
  fault.kind = kind;
  fault.store = store;
  fault.key = rows.text(row, "storage_key");
  fault.size = rows.integer(row, "size");
  fault.blob_id = rows.text(row, "blob_id");
  fault.rendition = rows.text(row, "rendition");
  return fault;
}

}  // namespace media::ops
