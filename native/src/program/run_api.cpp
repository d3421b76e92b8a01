// The C ABI of running a program: everything that the caller gives is checked here.
#include <algorithm>
#include <vector>

#include "core/error.h"
#include "core/overlap.h"
#include "program/program.h"

namespace demitasse {
namespace {

// Of nothing, say, in one call.
constexpr int64_t kMostRuns = 1 << 24;

Extent check_sequences(const Program& program, int64_t sequences, const int64_t* offsets) {
  if (sequences < 0) fail(DMT_INVALID_ARGUMENT, "run: %lld sequences", ll(sequences));
  if (!program.has_rows()) {
    if (sequences > kMostRuns) {
      fail(DMT_INVALID_ARGUMENT, "run: %lld runs of a program of static values are too many",
           ll(sequences));
    }
    return {};
  }
  if (sequences == 0) fail(DMT_INVALID_ARGUMENT, "run: at least one sequence is needed");
  if (offsets == nullptr) fail(DMT_INVALID_ARGUMENT, "run: sequence_offsets is NULL");
  if (offsets[0] != 0) {
    fail(DMT_INVALID_ARGUMENT, "run: sequence_offsets begins with %lld, not 0", ll(offsets[0]));
  }
  for (int64_t i = 0; i < sequences; ++i) {
    if (offsets[i + 1] <= offsets[i]) {
      fail(DMT_INVALID_ARGUMENT, "run: sequence %lld goes from token %lld to %lld: it is empty",
           ll(i), ll(offsets[i]), ll(offsets[i + 1]));
    }
  }
  if (offsets[sequences] > kMaxBytes) {
    fail(DMT_OUT_OF_MEMORY, "run: %lld tokens are too many", ll(offsets[sequences]));
  }
  return {offsets[sequences], sequences};
}

// Fills `addresses` and `memories` with what is bound to `ids`.
void bind(const Program& program, std::span<const int32_t> ids, const Extent& extent, int64_t parts,
          const char* kind, const int64_t* given, const int64_t* given_bytes, int32_t count,
          bool written, std::vector<void*>& addresses, std::vector<BoundMemory>& memories) {
  if (count != static_cast<int32_t>(ids.size())) {
    fail(DMT_INVALID_ARGUMENT, "run: %d %ss are given, the program has %d", count, kind,
         static_cast<int32_t>(ids.size()));
  }
  if (count > 0 && (given == nullptr || given_bytes == nullptr)) {
    fail(DMT_INVALID_ARGUMENT, "run: the %ss' addresses or sizes are NULL", kind);
  }
  for (int32_t i = 0; i < count; ++i) {
    const Value& value = program.value(ids[i]);
    int64_t bytes = 0;
    if (__builtin_mul_overflow(value.bytes(extent), parts, &bytes)) {
      fail(DMT_INVALID_ARGUMENT, "run: %lld times %s %d are too many", ll(parts), kind, i);
    }
    if (given_bytes[i] != bytes) {
      fail(DMT_INVALID_ARGUMENT,
           "run: %s %d, %s, needs %lld bytes for %lld tokens in %lld sequences, %lld are given",
           kind, i, value.describe().c_str(), ll(bytes), ll(extent.tokens),
           ll(program.has_rows() ? extent.sequences : parts), ll(given_bytes[i]));
    }
    const auto address = static_cast<uintptr_t>(given[i]);
    if (bytes > 0 && address == 0) {
      fail(DMT_INVALID_ARGUMENT, "run: %s %d has no address", kind, i);
    }
    if (address % alignment(value.dtype) != 0) {
      fail(DMT_INVALID_ARGUMENT, "run: %s %d is not aligned to its elements", kind, i);
    }
    uintptr_t end = 0;
    if (__builtin_add_overflow(address, static_cast<uintptr_t>(bytes), &end)) {
      fail(DMT_INVALID_ARGUMENT, "run: %s %d ends beyond the address space", kind, i);
    }
    addresses.push_back(reinterpret_cast<void*>(address));
    if (bytes > 0) memories.push_back({kind, i, address, end, written});
  }
}

}  // namespace
}  // namespace demitasse

using namespace demitasse;

int32_t dmt_program_run(dmt_program* handle, int64_t sequences, const int64_t* sequence_offsets,
                        const int64_t* inputs, const int64_t* input_bytes, int32_t input_count,
                        const int64_t* outputs, const int64_t* output_bytes, int32_t output_count,
                        int32_t threads) {
  return guarded([&] {
    const std::shared_ptr<Program> program = programs().get(handle);
    program->check_finished();
    if (threads < 0) fail(DMT_INVALID_ARGUMENT, "run: %d threads", threads);
    const Extent extent = check_sequences(*program, sequences, sequence_offsets);
    const int64_t parts = program->has_rows() ? 1 : std::max<int64_t>(1, sequences);
    std::vector<void*> input_addresses, output_addresses;
    std::vector<BoundMemory> memories;
    bind(*program, program->inputs(), extent, parts, "input", inputs, input_bytes, input_count,
         false, input_addresses, memories);
    bind(*program, program->outputs(), extent, parts, "output", outputs, output_bytes, output_count,
         true, output_addresses, memories);
    check_apart("run", memories);
    program->run({input_addresses, output_addresses, extent, sequence_offsets, parts}, threads);
  });
}
