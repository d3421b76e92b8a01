package io.github.demitasse.weight;

/** Immutable: which elements of a weight share a scale. */
public sealed interface Granularity {

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
