package io.github.demitasse.weight;

import java.util.Arrays;

/** Immutable: which elements of a weight share a scale. */
public sealed interface Granularity {

  /**
   * The number of scales of a weight of this shape.
   *
   * @throws IllegalArgumentException if the shape has no such axis, or groups do not divide it
   */
  default long scaleCount(long[] shape) {
    if (this instanceof PerChannel channel) {
      return shape[checkAxis(shape, channel.axis())];
    }
    if (this instanceof PerGroup group) {
      int axis = checkAxis(shape, group.axis());
      if (group.size() <= 0 || shape[axis] % group.size() != 0) {
        throw new IllegalArgumentException(
            "groups of "
                + group.size()
                + " do not divide axis "
                + axis
                + " of "
                + Arrays.toString(shape));
      }
      return Arrays.stream(shape).reduce(1, (a, b) -> a * b) / group.size();
    }
    return 1;
  }

  /**
   * For each element of a weight of this shape, in row-major order, the index of its scale.
   *
   * @throws IllegalArgumentException as {@link #scaleCount}
   */
  default int[] scaleIndices(long[] shape) {
    scaleCount(shape);
    int elements = Math.toIntExact(Arrays.stream(shape).reduce(1, Math::multiplyExact));
    int[] indices = new int[elements];
    if (this instanceof PerTensor) {
      return indices;
    }
    boolean grouped = this instanceof PerGroup;
    int axis = grouped ? ((PerGroup) this).axis() : ((PerChannel) this).axis();
    int size = grouped ? ((PerGroup) this).size() : 1;
    int along = (int) shape[axis];
    int inner = 1;
    for (int i = axis + 1; i < shape.length; i++) {
      inner *= (int) shape[i];
    }
    for (int i = 0; i < elements; i++) {
      int position = i / inner % along;
      int outer = i / inner / along;
      indices[i] =
          grouped ? (outer * (along / size) + position / size) * inner + i % inner : position;
    }
    return indices;
  }

  private static int checkAxis(long[] shape, int axis) {
    if (axis < 0 || axis >= shape.length) {
      throw new IllegalArgumentException("axis " + axis + " of " + Arrays.toString(shape));
    }
    return axis;
  }

  /** One scale for all. */
  record PerTensor() implements Granularity {
    @Override
    public String toString() {
      return "per tensor";
    }
  }

  /** One scale for each index of {@code axis} (not negative). */
  record PerChannel(int axis) implements Granularity {
    @Override
    public String toString() {
      return "per channel";
    }
  }

  /**
   * One scale for each run of {@code size} elements along {@code axis}, at each index of the
   * others.
   */
  record PerGroup(int axis, int size) implements Granularity {
    @Override
    public String toString() {
      return "group " + size;
    }
  }
}
