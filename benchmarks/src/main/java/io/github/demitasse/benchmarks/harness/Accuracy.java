package io.github.demitasse.benchmarks.harness;

/** Thread-safe: the share of examples whose largest score is at their label. */
public final class Accuracy {
  private static final int BATCH = 100;

  private Accuracy() {}

  /** A network: the scores of some examples, [batch][classes]. */
  @FunctionalInterface
  public interface Scorer {
    float[] scores(float[] inputs, int batch) throws Exception;
  }

  /** Of all examples. */
  public static double of(Scorer scorer, Examples examples) throws Exception {
    int right = 0;
    for (int from = 0; from < examples.size(); from += BATCH) {
      int count = Math.min(BATCH, examples.size() - from);
      float[] scores = scorer.scores(examples.batch(from, count), count);
      for (int i = 0; i < count; i++) {
        right += largest(scores, i, scores.length / count) == examples.label(from + i) ? 1 : 0;
      }
    }
    return (double) right / examples.size();
  }

  private static int largest(float[] scores, int row, int classes) {
    int best = 0;
    for (int i = 1; i < classes; i++) {
      best = scores[row * classes + i] > scores[row * classes + best] ? i : best;
    }
    return best;
  }
}
