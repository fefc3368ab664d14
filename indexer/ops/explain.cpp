#include <algorithm>
#include <cstdio>
#include <ctime>

#include "indexer/json.hpp"
#include "indexer/ops/advice.hpp"
#include "indexer/ops/commands.hpp"
#include "indexer/ops/database_session.hpp"
#include "indexer/ops/stored_file.hpp"
#include "indexer/ops/text_table.hpp"
#include "indexer/storage/local_store.hpp"

namespace media::ops {
namespace {

using boost::asio::yield_context;
using Lines = std::vector<std::vector<std::string>>;

constexpr int kMostMedia = 100;

// How the files are looked at.
struct Look {
  yield_context yield;
  storage::Stores& stores;
  const Config& config;
  bool read_all;
};

Result<std::string> read_stories(db::Database& database, yield_context yield,
                                 const std::string& name) {
  const auto rows =
      database.query(yield,
                     "SELECT coalesce(jsonb_agg(media.explain_media(f.id) ORDER BY f.ordinality), "
                     "'[]') AS stories "
                     "FROM media.find_media($1, $2) WITH ORDINALITY AS f (id, ordinality)",
                     {name, std::to_string(kMostMedia)});
  if (!rows) return std::unexpected(rows.error());
  return std::string(rows->text(0, "stories"));
}

// Where this host has the file; empty: nowhere.
std::string path_of(const Config& config, const StoredFile& file) {
  return file.store == storage::kLocalStoreName ? config.storage.root + '/' + file.key : "";
}

// Adds what the database does not know: the state of the files.
bool add_place(Json& places, const Look& look, const Json& row, std::string_view of) {
  const StoredFile file{std::string(row["store"].text()), std::string(row["key"].text()),
                        row["size"].integer().value_or(0), std::string(row["sha256"].text())};
  const FileReport report = look_at(look.yield, look.stores, file, look.read_all);
  Json place = Json::object();
  place.set("of", of).set("store", file.store).set("key", file.key);
  place.set("path", path_of(look.config, file))
      .set("state", name_of(report.state))
      .set("detail", report.detail);
  places.push(place);
  return report.state == FileState::present || report.state == FileState::other_store;
}

bool add_places(Json story, const Look& look) {
  Json places = Json::array();
  bool is_sound = true;
  if (story["blob"].is_object()) {
    const bool is_live = story["blob"]["state"].text() == "live";
    is_sound = add_place(places, look, story["blob"], "blob") || !is_live;
  }
  for (std::size_t i = 0; i < story["renditions"].size(); ++i) {
    const Json row = story["renditions"][i];
    is_sound = add_place(places, look, row, row["kind"].text()) && is_sound;
  }
  story.set("places", places);
  return is_sound;
}

void add_words(Json story, const Config& config) {
  const std::string_view error = story["last_error"].text();
  if (!error.empty()) {
    const Advice advice = advice_for(error);
    story.set("meaning", advice.meaning).set("remedy", advice.remedy);
  }
  if (story["exists"].is_true()) {
    story.set("url", config.server.public_url + "/media/" + std::string(story["id"].text()));
  }
}

// "2026-11-21T14:00:01.5+00:00" as people read it.
std::string time_text(const Json& time) {
  std::string text(time.text().substr(0, 19));
  std::ranges::replace(text, 'T', ' ');
  return text.empty() ? "unknown" : text + "Z";
}

std::string text_of(const Json& value, std::string_view otherwise = "unknown") {
  if (const auto number = value.integer()) return std::to_string(*number);
  return value.text().empty() ? std::string(otherwise) : printable(value.text());
}

std::string size_text(const Json& size) {
  return size.integer() ? std::to_string(*size.integer()) + " bytes" : "size unknown";
}

std::string account_text(const Json& account) {
  std::string secrets;
  for (std::size_t i = 0; i < account["secrets"].size(); ++i) {
    secrets += (i > 0 ? ", " : "") + text_of(account["secrets"][i]);
  }
  return text_of(account["provider"]) + " " + text_of(account["external_id"]) +
         (account["is_active"].is_true() ? "" : ", NOT ACTIVE") +
         ", secrets: " + (secrets.empty() ? "none" : secrets);
}

std::string delivery_text(const Json& delivery) {
  if (!delivery.is_object()) return "not kept, or it did not come in one";
  return time_text(delivery["received_at"]) + ", " + size_text(delivery["bytes"]) + ", id " +
         text_of(delivery["id"]) + ", key " + text_of(delivery["key"]);
}

std::string job_text(const Json& job) {
  if (!job.is_object()) return "none: nothing more will happen by itself";
  const std::string attempts =
      text_of(job["attempts"]) + " of " + text_of(job["max_attempts"]) + " attempts begun";
  if (!job["lease_owner"].text().empty()) {
    return attempts + ", held by " + text_of(job["lease_owner"]) + " until " +
           time_text(job["lease_until"]);
  }
  return attempts + ", next one from " + time_text(job["run_at"]);
}

std::string blob_text(const Json& blob) {
  if (!blob.is_object()) return "none";
  return size_text(blob["size"]) + ", " + text_of(blob["mime_type"]) + ", " +
         text_of(blob["bucket"]) + ", " + text_of(blob["state"]) + ", of " +
         text_of(blob["media"]) + " media, sha256 " + text_of(blob["sha256"]);
}

std::string source_text(const Json& story) {
  std::string text = "provider's id " + text_of(story["provider_media_id"], "none");
  text += story["has_url"].is_true() ? ", URL known" : ", no URL";
  if (!story["url_expires_at"].text().empty()) {
    text += " until " + time_text(story["url_expires_at"]);
  }
  if (!story["deadline"].text().empty()) text += ", kept until " + time_text(story["deadline"]);
  return text;
}

void add_state(Lines& lines, const Json& story) {
  std::string state = text_of(story["status"]) + ", attempts: " + text_of(story["attempts"]) +
                      (story["is_active"].is_true() ? "" : ", DELETED");
  lines.push_back({"state", state});
  if (story["last_error"].text().empty()) return;
  lines.push_back({"error", text_of(story["last_error"])});
  lines.push_back({"meaning", text_of(story["meaning"])});
  lines.push_back({"what to do", text_of(story["remedy"])});
}

void add_files(Lines& lines, const Json& story) {
  for (std::size_t i = 0; i < story["places"].size(); ++i) {
    const Json place = story["places"][i];
    const std::string detail = text_of(place["detail"], "");
    lines.push_back({i == 0 ? "files" : "", text_of(place["of"]) + " " + text_of(place["state"]) +
                                                (detail.empty() ? "" : " (" + detail + ")") + ": " +
                                                text_of(place["store"]) + ":" +
                                                text_of(place["key"])});
  }
}

std::string events_text(const Json& events) {
  Lines lines;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const Json event = events[i];
    const std::string from = text_of(event["old_status"], "");
    std::string change = (from.empty() ? "" : from + " -> ") + text_of(event["new_status"]);
    if (!event["is_active"].is_true()) change += " (deleted)";
    lines.push_back(
        {time_text(event["at"]), text_of(event["actor"]), change, text_of(event["detail"], "")});
  }
  return text_table(lines, "    ");
}

std::string story_text(const Json& story) {
  const std::string head = "media " + text_of(story["id"]) + "\n";
  if (!story["exists"].is_true()) {
    return head + "  was deleted; its events are\n" + events_text(story["events"]);
  }
  const Json message = story["message"];
  Lines lines;
  add_state(lines, story);
  lines.push_back({"company", text_of(story["company"]["name"]) + " (" +
                                  text_of(story["company"]["id"]) + ")"});
  lines.push_back({"account", account_text(story["account"])});
  lines.push_back({"message", text_of(message["external_id"]) + " from " +
                                  text_of(message["sender"]) + ", sent " +
                                  time_text(message["sent_at"])});
  lines.push_back({"item", text_of(story["item_index"]) + " of " + text_of(story["event_kind"]) +
                               ", " + text_of(story["file_type"]) + ", " +
                               text_of(story["file_name"], "without a name")});
  lines.push_back({"delivery", delivery_text(story["delivery"])});
  lines.push_back({"source", source_text(story)});
  if (story["status"].text() != "completed") lines.push_back({"job", job_text(story["job"])});
  lines.push_back({"blob", blob_text(story["blob"])});
  add_files(lines, story);
  lines.push_back({"url", text_of(story["url"])});
  return head + text_table(lines, "  ") + "  events\n" + events_text(story["events"]);
}

std::string all_text(const Json& stories) {
  std::string text;
  for (std::size_t i = 0; i < stories.size(); ++i) {
    text += (i > 0 ? "\n" : "") + story_text(stories[i]);
  }
  return text;
}

}  // namespace

int explain(const Config& config, const CommandLine& line) {
  bool is_sound = true;
  const auto text = with_stores(
      config,
      [&](db::Database& database, yield_context yield,
          storage::Stores& stores) -> Result<std::string> {
        const auto read = read_stories(database, yield, line.name);
        auto stories = read ? Json::parse(*read) : Result<Json>(std::unexpected(read.error()));
        if (!stories) return std::unexpected(stories.error());
        if (stories->size() == 0) {
          return fail(ErrorCode::not_found,
                      "no media, message or stored file is known as '" + line.name + "'");
        }
        const Look look{yield, stores, config, line.is_verifying};
        for (std::size_t i = 0; i < stories->size(); ++i) {
          is_sound = add_places((*stories)[i], look) && is_sound;
          add_words((*stories)[i], config);
        }
        return line.as_json ? stories->dump() + "\n" : all_text(*stories);
      });
  if (!text) {
    std::fprintf(stderr, "media-indexer: %s\n", text.error().message.c_str());
    return 1;
  }
  std::printf("%s", text->c_str());
  return is_sound ? 0 : 1;
}

}  // namespace media::ops
