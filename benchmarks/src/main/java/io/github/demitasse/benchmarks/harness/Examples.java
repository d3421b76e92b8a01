package io.github.demitasse.benchmarks.harness;

/** Thread-safe: labelled examples, each so many numbers. */
public interface Examples {
  int size();

  /** How many numbers an example has. */
  int length();

  /** From 0 on. */
  int label(int example);

  /** Writes the example's numbers, from an element on. */
  void copy(int example, float[] to, int from);

  /** Some examples, one after the other. */
  default float[] batch(int first, int count) {
    float[] values = new float[count * length()];
    for (int i = 0; i < count; i++) {
      copy(first + i, values, i * length());
    }
    return values;
  }
}
