// Running a finished program: the whole batch at once, or groups of sequences or samples on a
// thread each.
#include <algorithm>
#include <cstddef>
#include <cstring>

#include "core/error.h"
#include "program/program.h"
#include "threads/pool.h"

namespace demitasse {
namespace {

// Tokens that one thread takes through all operations. Fewer pay more often for streaming every
// weight from L3 or memory, more no longer keep the activations in a core's L2. MiniLM's shape in
// INT8 on Zen 5 (bench/program_bench.cpp, batch 32 x 128 and of short sentences, CPU time): 64
// tokens 163 and 25.2 ms, 128: 162 and 24.3, 256: 155 and 22.5, 512: 155 and 22.4.
constexpr int64_t kGroupTokens = 256;

// Where values of no bytes are, whose caller need not give an address.
std::max_align_t nothing;

// Plans are shared by runs of similar size: at most 1/8 more rows than asked for, at least 16.
int64_t capacity(int64_t rows) {
  if (rows <= 16) return 16;
  int64_t step = 2;
  while (step * 16 <= rows) step *= 2;
  return (rows + step - 1) / step * step;
}

// Boundaries (sequence numbers) of at least `threads` groups where there are so many sequences,
// balanced by tokens.
std::vector<int64_t> group_boundaries(const Binding& binding, int64_t threads) {
  const Extent& extent = binding.extent;
  int64_t groups = (extent.tokens + kGroupTokens - 1) / kGroupTokens;
  groups = std::min((groups + threads - 1) / threads * threads, extent.sequences);
  std::vector<int64_t> boundaries{0};
  for (int64_t group = 1; group <= groups; ++group) {
    const int64_t target = extent.tokens / groups * group + extent.tokens % groups * group / groups;
    int64_t end = boundaries.back();
    while (end < extent.sequences && (end == boundaries.back() || binding.offsets[end] < target)) {
      ++end;
    }
    // The sequence that crosses the target belongs to the side that it leaves more even.
    if (group < groups && end - 1 > boundaries.back() &&
        binding.offsets[end] - target > target - binding.offsets[end - 1]) {
      --end;
    }
    if (group == groups) end = extent.sequences;
    if (end > boundaries.back()) boundaries.push_back(end);
  }
  return boundaries;
}

// Whether groups keep all threads busy until the end: not when one long sequence outlasts the rest.
bool balanced(const Binding& binding, const std::vector<int64_t>& boundaries, int64_t threads) {
  int64_t longest = 0;
  for (size_t i = 1; i < boundaries.size(); ++i) {
    longest =
        std::max(longest, binding.offsets[boundaries[i]] - binding.offsets[boundaries[i - 1]]);
  }
  return longest * threads <= binding.extent.tokens + binding.extent.tokens / 4;
}

}  // namespace

std::shared_ptr<const Program::Layout> Program::layout_for(const Extent& extent) {
  Extent rounded;
  if (has_rows_) rounded = {capacity(extent.tokens), capacity(extent.sequences)};
  const std::lock_guard lock(layouts_mutex_);
  std::shared_ptr<const Layout>& known = layouts_[rounded];
  if (known == nullptr) {
    std::vector<int64_t> bytes;
    for (const Lifetime& lifetime : lifetimes_) {
      bytes.push_back(values_[lifetime.value].bytes(rounded));
    }
    known = std::make_shared<const Layout>(Layout{rounded, place(lifetimes_, bytes)});
  }
  return known;
}

void Program::run_part(const Binding& binding, const Extent& first, const Extent& extent,
                       const int64_t* offsets, const Executor& executor) {
  const std::shared_ptr<const Layout> layout = layout_for(extent);
  const ArenaPool::Lease arena = arenas_.lease(layout->placement.bytes);
  std::vector<void*> addresses(values_.size());
  const auto part_of = [&](void* base, const Value& value) {
    if (base == nullptr) base = &nothing;
    return static_cast<char*>(base) + value.row_bytes() * value.row_count(first);
  };
  for (size_t id = 0; id < values_.size(); ++id) {
    const Value& value = values_[id];
    if (value.is_constant) {
      addresses[id] = const_cast<void*>(value.constant);
    } else if (value.input >= 0) {
      addresses[id] = part_of(binding.inputs[value.input], value);
    } else if (direct_[id] >= 0) {
      addresses[id] = part_of(binding.outputs[direct_[id]], value);
    }
  }
  for (size_t i = 0; i < lifetimes_.size(); ++i) {
    addresses[lifetimes_[i].value] = arena.data() + layout->placement.offsets[i];
  }
  const Frame frame(values_, addresses, first, extent, offsets, isa_, executor);
  size_t step = 0;
  try {
    for (; step < steps_.size(); ++step) steps_[step].operation->run(frame);
  } catch (Error& error) {
    error.set_operation(static_cast<int32_t>(step));
    throw;
  }
}

void Program::run_groups(const Binding& binding, std::span<const int64_t> boundaries,
                         const Executor& executor) {
  const int64_t groups = static_cast<int64_t>(boundaries.size()) - 1;
  executor.parallel_for(groups, 1, [&](int64_t begin, int64_t end) {
    std::vector<int64_t> offsets;
    for (int64_t group = begin; group < end; ++group) {
      const int64_t from = boundaries[group], to = boundaries[group + 1];
      const int64_t token = binding.offsets[from];
      offsets.clear();
      for (int64_t s = from; s <= to; ++s) offsets.push_back(binding.offsets[s] - token);
      run_part(binding, {token, from}, {offsets.back(), to - from}, offsets.data(),
               serial_executor());
    }
  });
}

// Samples on a thread each, and those left over, too few for all threads, one by one on all.
void Program::run_parts(const Binding& binding, const Executor& executor) {
  const int64_t alone = binding.parts / executor.threads() * executor.threads();
  executor.parallel_for(alone, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part) run_alone(binding, part, serial_executor());
  });
  for (int64_t part = alone; part < binding.parts; ++part) run_alone(binding, part, executor);
}

void Program::run_alone(const Binding& binding, int64_t part, const Executor& executor) {
  const auto parts_of = [&](std::span<void* const> memory, std::span<const int32_t> ids) {
    std::vector<void*> addresses(memory.begin(), memory.end());
    for (size_t i = 0; i < addresses.size(); ++i) {
      if (addresses[i] == nullptr) continue;
      addresses[i] = static_cast<char*>(addresses[i]) + part * values_[ids[i]].bytes({});
    }
    return addresses;
  };
  const std::vector<void*> inputs = parts_of(binding.inputs, inputs_);
  const std::vector<void*> outputs = parts_of(binding.outputs, outputs_);
  const Binding own{inputs, outputs, {}};
  run_part(own, {}, {}, nullptr, executor);
  copy_outputs(own);
}

void Program::run(const Binding& binding, int threads) {
  const PoolExecutor pool(threads);
  if (binding.parts != 1) return run_parts(binding, pool);
  std::vector<int64_t> boundaries;
  if (separable_ && binding.extent.sequences > 1) {
    boundaries = group_boundaries(binding, pool.threads());
  }
  if (boundaries.size() > 2 && balanced(binding, boundaries, pool.threads())) {
    run_groups(binding, boundaries, pool);
  } else {
    run_part(binding, {}, binding.extent, binding.offsets, pool);
  }
  copy_outputs(binding);
}

void Program::copy_outputs(const Binding& binding) const {
  for (const Copy& copy : copies_) {
    const Value& value = values_[copy.value];
    const Value& root = values_[value.root];
    const void* source = root.is_constant  ? root.constant
                         : root.input >= 0 ? binding.inputs[root.input]
                                           : binding.outputs[direct_[value.root]];
    const int64_t bytes = value.bytes(binding.extent);
    if (bytes > 0) std::memcpy(binding.outputs[copy.output], source, static_cast<size_t>(bytes));
  }
}

}  // namespace demitasse
