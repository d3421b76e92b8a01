package io.github.demitasse.benchmarks.minilm;

import io.github.demitasse.Model;
import io.github.demitasse.benchmarks.harness.Duel;
import io.github.demitasse.benchmarks.purejava.PureJavaEncoder;
import io.github.demitasse.graph.rewrite.Rewrites;
import io.github.demitasse.tensor.Tensor;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;

/**
 * all-MiniLM-L6-v2 in INT8 against the same network in pure Java, one thread, 1 x 128 tokens, in
 * turns. Each opponent's result is checked first.
 *
 * <p>Argument: our INT8 model.
 */
public final class AgainstPureJava {
  private static final int TOKENS = 128;
  private static final long TURN_MILLISECONDS = 700;

  private AgainstPureJava() {}

  public static void main(String[] arguments) throws Exception {
    Path int8 = Path.of(arguments[0]);
    Model model = Rewrites.apply(Model.load(int8));
    System.out.println("| opponent | ours ms | theirs ms | ratio |");
    System.out.println("|---|---|---|---|");
    fight("scalar Java, INT8", int8, new PureJavaEncoder(model, PureJavaEncoder.int8(false)));
    fight("Vector API, INT8", int8, new PureJavaEncoder(model, PureJavaEncoder.int8(true)));
    fight("Vector API, FP32 FMA", int8, new PureJavaEncoder(model, PureJavaEncoder.floating()));
  }

  private static void fight(String name, Path int8, PureJavaEncoder java) throws Exception {
    TokenBatch batch = TokenBatch.full(1, TOKENS);
    try (DemitasseModel demitasse = new DemitasseModel(int8, 1)) {
      Map<String, Tensor> inputs = DemitasseModel.prepare(batch);
      requireSame(name, demitasse.run(inputs), java.run(batch.ids()));
      Duel.Outcome outcome =
          Duel.fight(() -> demitasse.run(inputs), () -> java.run(batch.ids()), TURN_MILLISECONDS);
      System.out.printf(
          Locale.ROOT,
          "| %s | %.2f | %.2f | %.1fx |%n",
          name,
          outcome.ours(),
          outcome.theirs(),
          outcome.ratio());
    }
  }

  private static void requireSame(String name, float[] ours, float[] theirs) {
    double product = 0;
    double ourNorm = 0;
    double theirNorm = 0;
    for (int i = 0; i < ours.length; i++) {
      product += (double) ours[i] * theirs[i];
      ourNorm += (double) ours[i] * ours[i];
      theirNorm += (double) theirs[i] * theirs[i];
    }
    double cosine = product / Math.sqrt(ourNorm * theirNorm);
    if (!(cosine > 0.99)) {
      throw new IllegalStateException(name + " computes something else: cosine " + cosine);
    }
  }
}
