package io.github.demitasse.runtime;

import io.github.demitasse.natives.Demitasse;
import io.github.demitasse.runtime.NativeStatus.Origin;
import io.github.demitasse.tensor.Tensor;
import java.util.List;

/**
 * Thread-safe: a finished native program. Closing lets active runs end first.
 *
 * <p>Its constants are read where the model keeps them, so they stay acquired until it is freed.
 */
final class NativeProgram implements AutoCloseable {
  private final long program;
  private final List<Tensor> constants;
  private final List<Origin> origins;
  private final UseCount uses = new UseCount("the program");

  /**
   * @param origins the node that each operation belongs to, for messages; null for none
   */
  NativeProgram(long program, List<Tensor> constants, List<Origin> origins) {
    this.program = program;
    this.constants = constants;
    this.origins = origins;
  }

  /** How many operations a run carries out. */
  int operations() {
    return origins.size();
  }

  static void free(long program, List<Tensor> constants) {
    Demitasse.dmt_program_release(program);
    for (Tensor constant : constants) {
      constant.release();
    }
  }

  /** One inference with sequences that begin at {@code offsets}, the last of which is the end. */
  boolean run(long[] offsets, Binding inputs, Binding outputs, int threads) {
    return run(offsets.length - 1, offsets, inputs, outputs, threads);
  }

  /**
   * One native call; false, with nothing done, after close.
   *
   * @param count sequences, or runs of a static program
   * @param offsets the first token row of each sequence and the end, or null for a static program
   */
  boolean run(int count, long[] offsets, Binding inputs, Binding outputs, int threads) {
    if (!uses.tryEnter()) {
      return false;
    }
    try {
      int status =
          Demitasse.dmt_program_run(
              program,
              count,
              offsets,
              inputs.addresses,
              inputs.bytes,
              inputs.addresses.length,
              outputs.addresses,
              outputs.bytes,
              outputs.addresses.length,
              threads);
      if (status != Demitasse.DMT_OK) {
        int operation = Demitasse.dmt_last_error_operation();
        NativeStatus.check(status, operation < 0 ? null : origins.get(operation));
      }
      return true;
    } finally {
      if (uses.exit()) {
        free(program, constants);
      }
    }
  }

  @Override
  public void close() {
    if (uses.close()) {
      free(program, constants);
    }
  }
}
