package io.github.demitasse.benchmarks.training;

/** Thread-safe: the cross-entropy of the softmax of scores. */
final class CrossEntropy {
  private CrossEntropy() {}

  /**
   * The sum over examples.
   *
   * @param scores [examples][classes]
   * @param gradient becomes that by the scores
   */
  static double of(float[] scores, int[] labels, float[] gradient) {
    int classes = scores.length / labels.length;
    double loss = 0;
    for (int i = 0; i < labels.length; i++) {
      int from = i * classes;
      double largest = Double.NEGATIVE_INFINITY;
      for (int j = 0; j < classes; j++) {
        largest = Math.max(largest, scores[from + j]);
      }
      double sum = 0;
      for (int j = 0; j < classes; j++) {
        sum += Math.exp(scores[from + j] - largest);
      }
      for (int j = 0; j < classes; j++) {
        double share = Math.exp(scores[from + j] - largest) / sum;
        gradient[from + j] = (float) (j == labels[i] ? share - 1 : share);
      }
      loss += Math.log(sum) + largest - scores[from + labels[i]];
    }
    return loss;
  }
}
