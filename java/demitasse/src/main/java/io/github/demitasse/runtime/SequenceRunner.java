package io.github.demitasse.runtime;

import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.runtime.SequenceProgram.Batch;
import io.github.demitasse.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Thread-safe: runs a graph that works row by row, with a program for each set of wanted outputs.
 */
final class SequenceRunner implements AutoCloseable {
  /** Bytes that runs of joined samples keep an output below; a tensor holds at most 2 GiB. */
  private static final long MAX_JOINED_BYTES = 1L << 30;

  private final Lowering.Request request;
  private final int[] sequenceAxes;
  private final ConcurrentHashMap<List<String>, SequenceProgram> programs =
      new ConcurrentHashMap<>();

  private SequenceRunner(Lowering.Request request) {
    this.request = request;
    List<ValueInfo> inputs = request.model().graph().inputs();
    sequenceAxes = new int[inputs.size()];
    for (int i = 0; i < sequenceAxes.length; i++) {
      sequenceAxes[i] = SequenceView.sequenceAxis(inputs.get(i).shape());
    }
  }

  /**
   * A runner with its program for {@code outputs}, or null if the graph does not work row by row.
   */
  static SequenceRunner of(Lowering.Request request, List<String> outputs) {
    SequenceProgram program;
    try {
      program = lower(request, outputs);
    } catch (NotLowerableException reason) {
      RuntimeLog.debug("'{}' runs shape by shape: {}", request.model().graph().name(), reason);
      return null;
    }
    SequenceRunner runner = new SequenceRunner(request);
    runner.programs.put(List.copyOf(outputs), program);
    return runner;
  }

  /** Lowers with the shapes that the graph states, and failing that with inferred ones. */
  private static SequenceProgram lower(Lowering.Request request, List<String> outputs) {
    try {
      SequenceView stated = SequenceView.ofStated(request.model());
      if (stated != null) {
        return SequenceProgram.of(request, stated, outputs);
      }
    } catch (NotLowerableException | IllegalArgumentException reason) {
      RuntimeLog.debug(
          "'{}' states its values wrongly: {}", request.model().graph().name(), reason);
    }
    SequenceView view = SequenceView.of(request.model());
    if (view == null) {
      throw new NotLowerableException("not all inputs have a batch dimension");
    }
    return SequenceProgram.of(request, view, outputs);
  }

  /** The batch that the inputs are, or null if they do not agree on its sizes. */
  Batch batch(Tensor[] inputs) {
    long sequences = -1;
    long length = -1;
    for (int i = 0; i < inputs.length; i++) {
      long first = inputs[i].dimension(0);
      if (sequences >= 0 && sequences != first) {
        return null;
      }
      sequences = first;
      if (sequenceAxes[i] > 0) {
        long second = inputs[i].dimension(sequenceAxes[i]);
        if (length >= 0 && length != second) {
          return null;
        }
        length = second;
      }
    }
    return new Batch(sequences, length < 0 ? 1 : length);
  }

  Tensor[] run(Tensor[] inputs, Batch batch, List<String> outputs, int threads) {
    return program(outputs).run(inputs, batch, threads);
  }

  /** True when several batches may be run as one with the same results. */
  boolean canJoin(List<String> outputs) {
    return program(outputs).isSeparable();
  }

  /** Runs all samples, joined as far as memory bounds allow. */
  List<Tensor[]> runAll(
      List<Tensor[]> samples, List<Batch> batches, List<String> outputs, int threads) {
    SequenceProgram program = program(outputs);
    List<Tensor[]> results = new ArrayList<>(samples.size());
    int from = 0;
    while (from < samples.size()) {
      if (batches.get(from).isEmpty()) {
        results.add(program.run(samples.get(from), batches.get(from), threads));
        from++;
        continue;
      }
      long sequences = batches.get(from).sequences();
      long tokens = batches.get(from).tokens();
      int to = from + 1;
      while (to < samples.size() && !batches.get(to).isEmpty()) {
        sequences += batches.get(to).sequences();
        tokens += batches.get(to).tokens();
        if (program.largestOutput(sequences, tokens) > MAX_JOINED_BYTES) {
          break;
        }
        to++;
      }
      results.addAll(
          Arrays.asList(
              program.run(samples.subList(from, to), batches.subList(from, to), threads)));
      from = to;
    }
    return results;
  }

  private SequenceProgram program(List<String> outputs) {
    SequenceProgram program = programs.get(outputs);
    return program != null ? program : lowered(outputs);
  }

  private synchronized SequenceProgram lowered(List<String> outputs) {
    SequenceProgram program = programs.get(outputs);
    if (program == null) {
      program = lower(request, outputs);
      programs.put(outputs, program);
    }
    return program;
  }

  @Override
  public void close() {
    for (SequenceProgram program : programs.values()) {
      program.close();
    }
  }
}
