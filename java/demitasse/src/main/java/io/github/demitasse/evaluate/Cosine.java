package io.github.demitasse.evaluate;

/** Confined to one thread: mean and smallest cosine similarity between corresponding rows. */
public final class Cosine {
  private double sum;
  private double smallest = Double.POSITIVE_INFINITY;
  private long rows;

  /** Cosine of the angle between two vectors; 1 for two zero vectors, 0 for one. */
  public static double between(float[] a, int aFrom, float[] b, int bFrom, int length) {
    double product = 0;
    double aNorm = 0;
    double bNorm = 0;
    for (int i = 0; i < length; i++) {
      product += (double) a[aFrom + i] * b[bFrom + i];
      aNorm += (double) a[aFrom + i] * a[aFrom + i];
      bNorm += (double) b[bFrom + i] * b[bFrom + i];
    }
    if (aNorm == 0 || bNorm == 0) {
      return aNorm == bNorm ? 1 : 0;
    }
    return product / Math.sqrt(aNorm * bNorm);
  }

  /** Takes in two matrices of rows of {@code length}. */
  public void add(float[] a, float[] b, int length) {
    if (a.length != b.length || length <= 0 || a.length % length != 0) {
      throw new IllegalArgumentException(
          "compared " + a.length + " values with " + b.length + " in rows of " + length);
    }
    for (int row = 0; row < a.length; row += length) {
      double cosine = between(a, row, b, row, length);
      sum += cosine;
      smallest = Math.min(smallest, cosine);
      rows++;
    }
  }

  public long rows() {
    return rows;
  }

  public double mean() {
    return sum / rows;
  }

  public double smallest() {
    return smallest;
  }
}
