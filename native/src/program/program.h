// A network lowered to a flat list of operations.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "core/aligned_buffer.h"
#include "core/handles.h"
#include "core/live.h"
#include "program/arena.h"
#include "program/operation.h"
#include "program/plan.h"
#include "program/value.h"

namespace demitasse {

// An operation with what the planner has to know about it.
struct Step {
  std::string name;  // "linear #3", for messages
  std::unique_ptr<Operation> operation;
  std::vector<int32_t> reads, writes, updates;  // value ids; updates: read and written
};

// What the caller of a run gives, checked.
struct Binding {
  std::span<void*const> inputs, outputs;
  Extent extent;
  const int64_t* offsets = nullptr;
  int64_t parts = 1;  // runs of a static program whose values follow each other in memory
};

// Built by one thread at a time; then run by any number of threads at once.
class Program {
 public:
  Program();

  // ---- building: each fails once the program is finished ----
  int32_t add_value(Value value);
  int32_t add_constant(Value value, const void* data, bool copy);
  int32_t add_alias(int32_t source, Value shape);
  void add_input(int32_t value);
  void add_output(int32_t value);
  void add_step(Step step);
  void finish(bool separable);

  // Fails when there is no such value. The reference lives until the next value is added.
  const Value& value(int32_t id) const;
  int32_t step_count() const { return static_cast<int32_t>(steps_.size()); }
  void check_building() const;
  void check_finished() const;
  // Whoever builds holds this.
  std::mutex& building() { return building_; }

  // ---- running ----
  std::span<const Value> values() const { return values_; }
  std::span<const int32_t> inputs() const { return inputs_; }
  std::span<const int32_t> outputs() const { return outputs_; }
  bool has_rows() const { return has_rows_; }
  void run(const Binding& binding, int threads);
  int64_t arena_bytes() const { return arenas_.bytes(); }

 private:
  struct Copy {
    int32_t output;  // place among the outputs
    int32_t value;
  };
  // Where everything is, for runs of at most `capacity` rows.
  struct Layout {
    Extent capacity;
    Placement placement;
  };

  void check_definitions() const;
  void bind_outputs();
  void find_lifetimes();
  bool contradicts_separation() const;
  std::shared_ptr<const Layout> layout_for(const Extent& extent);
  void run_part(const Binding& binding, const Extent& first, const Extent& extent,
                const int64_t* offsets, const Executor& executor);
  void run_groups(const Binding& binding, std::span<const int64_t> boundaries,
                  const Executor& executor);
  void run_parts(const Binding& binding, const Executor& executor);
  void run_alone(const Binding& binding, int64_t part, const Executor& executor);
  void copy_outputs(const Binding& binding) const;

  LiveObject live_;
  LiveBytes constant_bytes_;
  std::mutex building_;
  std::atomic<bool> finished_{false};
  Isa isa_;
  std::vector<Value> values_;
  std::vector<std::unique_ptr<AlignedBuffer<uint8_t>>> constants_;
  std::vector<Step> steps_;
  std::vector<int32_t> inputs_, outputs_;
  bool has_rows_ = false;  // some value has rows per token or per sequence
  bool separable_ = false;

  std::vector<int32_t> direct_;  // per value: the output whose memory it is, or -1
  std::vector<Copy> copies_;     // outputs that are filled at the end
  std::vector<Lifetime> lifetimes_;
  std::mutex layouts_mutex_;
  std::map<Extent, std::shared_ptr<const Layout>> layouts_;
  ArenaPool arenas_;
};

Handles<dmt_program, Program>& programs();

}  // namespace demitasse
