package io.github.demitasse.runtime;

import io.github.demitasse.tensor.Tensor;
import java.util.Arrays;
import java.util.List;

/** Immutable: what a program for given shapes was made for. */
final class ProgramKey {
  private final long[] shapes;
  private final byte[] contents;
  private final List<String> outputs;
  private final int hash;

  private ProgramKey(long[] shapes, byte[] contents, List<String> outputs) {
    this.shapes = shapes;
    this.contents = contents;
    this.outputs = outputs;
    this.hash =
        31 * (31 * Arrays.hashCode(shapes) + Arrays.hashCode(contents)) + outputs.hashCode();
  }

  /** The shapes of all inputs, and the content of some. */
  static ProgramKey of(Tensor[] inputs, boolean[] byContent, List<String> outputs) {
    int count = 0;
    int bytes = 0;
    for (int i = 0; i < inputs.length; i++) {
      count += 1 + inputs[i].rank();
      bytes += byContent[i] ? (int) inputs[i].byteSize() : 0;
    }
    long[] shapes = new long[count];
    byte[] contents = new byte[bytes];
    int shapePosition = 0;
    int contentPosition = 0;
    for (int i = 0; i < inputs.length; i++) {
      int rank = inputs[i].rank();
      shapes[shapePosition++] = rank;
      for (int axis = 0; axis < rank; axis++) {
        shapes[shapePosition++] = inputs[i].dimension(axis);
      }
      if (byContent[i]) {
        byte[] content = inputs[i].toBytes();
        System.arraycopy(content, 0, contents, contentPosition, content.length);
        contentPosition += content.length;
      }
    }
    return new ProgramKey(shapes, contents, outputs);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof ProgramKey key
        && hash == key.hash
        && Arrays.equals(shapes, key.shapes)
        && Arrays.equals(contents, key.contents)
        && outputs.equals(key.outputs);
  }

  @Override
  public int hashCode() {
    return hash;
  }
}
