#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "ngx_media_module/conf.hpp"
#include "ngx_media_module/intrusive_list.hpp"
#include "ngx_media_module/lookup/pg_link.hpp"
#include "ngx_media_module/lookup/pipeline_request.hpp"
#include "ngx_media_module/lookup/statement.hpp"

namespace media::nginx {

/// A connection in pipeline mode that asks prepared statements, or, where a pooler may
/// send each question to another server, unnamed ones. Parameters go as text, results
/// come in binary format.
class PgConnection final : public PgLink {
 public:
  /// What hears of the connection. Called from the event loop; may not destroy
  /// the connection.
  class Owner {
   public:
    /// Connected, statements prepared: send() may be called.
    virtual void on_ready(PgConnection& connection) = 0;
    /// A statement could not be prepared; the others can be sent.
    virtual void on_unprepared(const Statement& statement, const PGresult& error) = 0;
    /// The result of the oldest unanswered request.
    virtual void on_answer(PgConnection& connection, PipelineRequest& request,
                           const PGresult& result) = 0;
    /// The connection ended before this request was answered.
    virtual void on_unanswered(PipelineRequest& request) = 0;
    /// The connection ended, or could not be made; follows on_unanswered().
    virtual void on_lost(PgConnection& connection, std::string_view reason) = 0;

   protected:
    ~Owner() = default;
  };

  PgConnection(const DatabaseConf& conf, std::span<Statement* const> statements,
               ngx_msec_t connect_timeout, Owner& owner, ngx_log_t* log);

  std::size_t unanswered() const { return requests_.size(); }
  bool is_prepared(const Statement& statement) const { return is_prepared_[statement.index]; }
  /// When the statements were prepared, in monotonic milliseconds.
  ngx_msec_t prepared_at() const { return prepared_at_; }

  /// Queues the statement; it goes out with the next finish_batch(). May lose the
  /// connection, and tells the owner then. Only when the statement is prepared.
  void send(PipelineRequest& request, const Statement& statement, const Parameters& parameters);
  /// Ends a batch: an error in it aborts only what comes after it in the batch.
  void finish_batch();

 private:
  void start_session() override;
  void prepare();
  void start();
  bool send_statement(const Statement& statement, const Parameters& parameters);
  void on_input() override;
  void on_dropped(std::string_view reason) override;
  bool may_leave() override { return is_ready() && requests_.empty(); }

  bool end_batch();
  bool take_result(const PGresult& result);
  void take_prepare_result(const PGresult& result);
  void take_sync();

  bool prepares_;
  std::span<Statement* const> statements_;
  Owner& owner_;
  std::vector<bool> is_prepared_;
  std::size_t preparing_ = 0;  // index of the statement whose result comes next
  ngx_msec_t prepared_at_ = 0;
  IntrusiveList<PipelineRequest, PipelineRequest> requests_;
  std::size_t syncs_due_ = 0;
};

}  // namespace media::nginx
