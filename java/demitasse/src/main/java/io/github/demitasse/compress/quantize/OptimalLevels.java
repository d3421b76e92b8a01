package io.github.demitasse.compress.quantize;

import java.util.Arrays;

/**
 * Confined to one thread: the levels with the smallest weighed squared error over values from -1 to
 * 1: k-means in one dimension, solved exactly by dynamic programming (Wang and Song 2011,
 * "Ckmeans.1d.dp: Optimal k-means Clustering in One Dimension by Dynamic Programming"). Weighing
 * errors by how much they matter to the output is SqueezeLLM's (Kim et al. 2023, "SqueezeLLM:
 * Dense-and-Sparse Quantization").
 *
 * <p>Values are gathered in a histogram, so that memory and time do not grow with their number.
 */
final class OptimalLevels {
  private static final int BINS = 4096;

  // Sums over all bins before the index.
  private final double[] weights = new double[BINS + 1];
  private final double[] sums = new double[BINS + 1];
  private final double[] squares = new double[BINS + 1];

  /** Adds a value; those beyond -1 and 1 count as these. */
  void add(double value, double weight) {
    double inside = Math.max(-1, Math.min(1, value));
    int bin = 1 + Math.min(BINS - 1, (int) ((inside + 1) * (BINS / 2)));
    weights[bin] += weight;
    sums[bin] += weight * inside;
    squares[bin] += weight * inside * inside;
  }

  /**
   * The best levels, ascending; to be called once.
   *
   * @param count how many; where there are fewer values, some levels are equal
   */
  float[] find(int count) {
    for (int bin = 1; bin <= BINS; bin++) {
      weights[bin] += weights[bin - 1];
      sums[bin] += sums[bin - 1];
      squares[bin] += squares[bin - 1];
    }
    double[] errors = new double[BINS + 1]; // of the bins before the index, with so many levels
    Arrays.setAll(errors, end -> error(0, end));
    int[][] starts = new int[count][BINS + 1]; // of the last level's bins
    for (int level = 1; level < count; level++) {
      double[] next = new double[BINS + 1];
      divide(errors, next, starts[level], 0, BINS, 0, BINS);
      errors = next;
    }
    float[] levels = new float[count];
    int end = BINS;
    for (int level = count - 1; level >= 0; level--) {
      int start = starts[level][end];
      double weight = weights[end] - weights[start];
      boolean empty = !(weight > 0);
      levels[level] =
          empty
              ? level + 1 < count ? levels[level + 1] : 0
              : (float) ((sums[end] - sums[start]) / weight);
      end = start;
    }
    Arrays.sort(levels); // rounding may leave neighbours of almost the same value in either order
    return levels;
  }

  /**
   * Where the last level's bins start moves up with where they end, so that the middle's start
   * bounds those on both sides.
   */
  private void divide(
      double[] before, double[] errors, int[] starts, int low, int high, int first, int last) {
    if (low > high) {
      return;
    }
    int middle = (low + high) >>> 1;
    double best = Double.POSITIVE_INFINITY;
    int bestStart = first;
    for (int start = first; start <= Math.min(middle, last); start++) {
      double error = before[start] + error(start, middle);
      if (error < best) {
        best = error;
        bestStart = start;
      }
    }
    errors[middle] = best;
    starts[middle] = bestStart;
    divide(before, errors, starts, low, middle - 1, first, bestStart);
    divide(before, errors, starts, middle + 1, high, bestStart, last);
  }

  /** The error of bins that share a level. */
  private double error(int start, int end) {
    double weight = weights[end] - weights[start];
    if (!(weight > 0)) {
      return 0;
    }
    double sum = sums[end] - sums[start];
    return Math.max(0, squares[end] - squares[start] - sum * sum / weight);
  }
}
