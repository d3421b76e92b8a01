package io.github.demitasse.runtime;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.nio.ByteBuffer;
import java.util.List;

/** Immutable and thread-safe: one program over rows of tokens and sequences, for all batches. */
final class SequenceProgram implements AutoCloseable {

  /** Stand for these dimensions in the shape of an output. */
  private static final long BATCH = -1;

  private static final long SEQUENCE = -2;

  private record Output(String name, DataType type, long[] shape, RowShape row) {

    long[] shape(long sequences, long length) {
      long[] sizes = shape.clone();
      for (int i = 0; i < sizes.length; i++) {
        sizes[i] = sizes[i] == BATCH ? sequences : sizes[i] == SEQUENCE ? length : sizes[i];
      }
      return sizes;
    }

    /** Rows of a batch with so many tokens. */
    long rows(long sequences, long tokens) {
      return row.isTokens() ? tokens : sequences;
    }
  }

  /** Some sequences of one length. */
  record Batch(long sequences, long length) {
    long tokens() {
      return Math.multiplyExact(sequences, length);
    }

    boolean isEmpty() {
      return sequences == 0 || length == 0;
    }
  }

  private final Lowering.Result lowered;
  private final Output[] outputs;

  private SequenceProgram(Lowering.Result lowered, Output[] outputs) {
    this.lowered = lowered;
    this.outputs = outputs;
  }

  /**
   * Lowers a graph.
   *
   * @throws NotLowerableException if the graph does not work row by row
   */
  static SequenceProgram of(Lowering.Request request, SequenceView view, List<String> names) {
    Output[] outputs = new Output[names.size()];
    for (int i = 0; i < outputs.length; i++) {
      String name = names.get(i);
      if (view.isConstant(name) || !view.hasBatch(name)) {
        throw new NotLowerableException("output '" + name + "' does not depend on the batch");
      }
      RowShape row = view.shape(name); // first: it refuses shapes that have no template
      outputs[i] = new Output(name, view.type(name), template(view, name), row);
    }
    return new SequenceProgram(Lowering.lower(request, view, names), outputs);
  }

  private static long[] template(SequenceView view, String output) {
    Shape shape = view.symbolicShape(output);
    long[] template = new long[shape.rank()];
    for (int i = 0; i < template.length; i++) {
      Dimension dimension = shape.dimension(i);
      if (!dimension.isKnown() && !view.isBatch(dimension) && !view.isSequence(dimension)) {
        throw new NotLowerableException(
            "output '" + output + "' of shape " + shape + " is not one of rows");
      }
      template[i] =
          view.isBatch(dimension)
              ? BATCH
              : view.isSequence(dimension) ? SEQUENCE : dimension.size();
    }
    return template;
  }

  /** True when a sequence's results do not depend on the others in its batch. */
  boolean isSeparable() {
    return lowered.separable();
  }

  /**
   * Runs one batch. The inputs are those of the graph, in order.
   *
   * @throws IllegalArgumentException for sequences without tokens, unless only tokens are wanted
   */
  Tensor[] run(Tensor[] inputs, Batch batch, int threads) {
    long[] offsets = new long[Math.toIntExact(batch.sequences() + 1)];
    for (int i = 1; i < offsets.length; i++) {
      offsets[i] = offsets[i - 1] + batch.length();
    }
    Tensor[] results = new Tensor[outputs.length];
    for (int i = 0; i < results.length; i++) {
      long[] shape = outputs[i].shape(batch.sequences(), batch.length());
      if (batch.isEmpty() && batch.sequences() > 0 && !outputs[i].row().isTokens()) {
        throw new IllegalArgumentException(
            "output '" + outputs[i].name() + "' of sequences without tokens is not defined");
      }
      results[i] = Tensor.allocate(outputs[i].type(), shape);
    }
    if (!batch.isEmpty()) {
      run(inputs, offsets, results, threads);
    }
    return results;
  }

  /**
   * Runs several batches, none of them empty, as one. The results are views of one memory per
   * output.
   *
   * @param samples the graph's inputs of each batch
   */
  Tensor[][] run(List<Tensor[]> samples, List<Batch> batches, int threads) {
    long sequences = 0;
    for (Batch batch : batches) {
      sequences += batch.sequences();
    }
    long[] offsets = new long[Math.toIntExact(sequences + 1)];
    int sequence = 0;
    for (Batch batch : batches) {
      for (long i = 0; i < batch.sequences(); i++, sequence++) {
        offsets[sequence + 1] = offsets[sequence] + batch.length();
      }
    }
    long tokens = offsets[sequence];
    Tensor[] joined = new Tensor[samples.get(0).length];
    Tensor[] results = new Tensor[outputs.length];
    try {
      for (int input : lowered.inputs()) {
        joined[input] = join(samples, input);
      }
      for (int i = 0; i < results.length; i++) {
        long rows = outputs[i].rows(sequences, tokens);
        results[i] = Tensor.allocate(outputs[i].type(), rows, outputs[i].row().elements());
      }
      run(joined, offsets, results, threads);
    } finally {
      for (Tensor tensor : joined) {
        if (tensor != null) {
          tensor.close();
        }
      }
    }
    return split(results, batches);
  }

  private static Tensor join(List<Tensor[]> samples, int input) {
    long elements = 0;
    for (Tensor[] sample : samples) {
      elements += sample[input].elements();
    }
    Tensor joined = Tensor.allocate(samples.get(0)[input].type(), elements);
    ByteBuffer memory = joined.acquire();
    try {
      int position = 0;
      for (Tensor[] sample : samples) {
        int bytes = (int) sample[input].byteSize();
        memory.put(position, sample[input].acquire(), 0, bytes);
        sample[input].release();
        position += bytes;
      }
    } finally {
      joined.release();
    }
    return joined;
  }

  private Tensor[][] split(Tensor[] results, List<Batch> batches) {
    Tensor[][] parts = new Tensor[batches.size()][results.length];
    for (int output = 0; output < results.length; output++) {
      ByteBuffer memory = results[output].leaveToCollector().buffer();
      DataType type = outputs[output].type();
      int position = 0;
      for (int i = 0; i < parts.length; i++) {
        Batch batch = batches.get(i);
        long rows = outputs[output].rows(batch.sequences(), batch.tokens());
        int bytes = (int) type.bytes(rows * outputs[output].row().elements());
        long[] shape = outputs[output].shape(batch.sequences(), batch.length());
        parts[i][output] = Tensor.view(type, memory.slice(position, bytes), shape);
        position += bytes;
      }
    }
    return parts;
  }

  /** Bytes of the largest output for so many rows; for keeping tensors within their bounds. */
  long largestOutput(long sequences, long tokens) {
    long largest = 0;
    for (Output output : outputs) {
      long elements = Math.multiplyExact(output.rows(sequences, tokens), output.row().elements());
      largest = Math.max(largest, output.type().bytes(elements));
    }
    return largest;
  }

  private void run(Tensor[] inputs, long[] offsets, Tensor[] results, int threads) {
    int[] bound = lowered.inputs();
    try (Binding in = new Binding(bound.length);
        Binding out = new Binding(results.length)) {
      for (int input : bound) {
        in.add(inputs[input]);
      }
      for (Tensor result : results) {
        out.add(result);
      }
      lowered.program().run(offsets, in, out, threads);
    }
  }

  @Override
  public void close() {
    lowered.program().close();
  }
}
