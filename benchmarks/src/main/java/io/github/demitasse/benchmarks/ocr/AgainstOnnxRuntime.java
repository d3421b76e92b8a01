package io.github.demitasse.benchmarks.ocr;

import ai.onnxruntime.OnnxTensor;
import io.github.demitasse.benchmarks.harness.Duel;
import io.github.demitasse.benchmarks.harness.OnnxRuntimeNetwork;
import io.github.demitasse.runtime.Session;
import io.github.demitasse.runtime.SessionOptions;
import io.github.demitasse.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The OCR models in Demitasse against ONNX Runtime, both in this process, in turns.
 *
 * <p>Arguments: the folder of the models; perhaps the folder of our INT8 models, named alike,
 * FILE.dmt and as FILE.qdq.onnx for ONNX Runtime; perhaps which models (detection, ..). Prints a
 * table; fails where the FP32 results differ by more than 1e-4 of the largest from ONNX Runtime's
 * without optimizations, which keep closer to the exact ones: on these images its optimized
 * detection differs from that by 2.7e-4.
 */
public final class AgainstOnnxRuntime {
  private static final double MOST_DIFFERENCE = 1e-4;
  private static final long TURN_MILLISECONDS = 300;

  private AgainstOnnxRuntime() {}

  public static void main(String[] arguments) throws Exception {
    Path fp32 = Path.of(arguments[0]);
    System.out.println(
        "| model | batch | threads | ours ms | ONNX Runtime ms | ratio | minima | difference |");
    System.out.println("|---|---|---|---|---|---|---|---|");
    List<String> chosen =
        Arrays.asList(arguments).subList(Math.min(2, arguments.length), arguments.length);
    for (OcrModel model : OcrModel.values()) {
      if (!chosen.isEmpty() && !chosen.contains(model.name().toLowerCase(Locale.ROOT))) {
        continue;
      }
      Path file = fp32.resolve(model.file() + ".onnx");
      for (int batch : new int[] {1, 8}) {
        for (int threads : new int[] {1, 2}) {
          duel(model, "FP32", file, file, batch, threads);
          if (arguments.length > 1) {
            Path int8 = Path.of(arguments[1]);
            Path ours = int8.resolve(model.file() + ".dmt");
            Path theirs = int8.resolve(model.file() + ".qdq.onnx");
            if (Files.exists(ours)) {
              duel(model, "INT8 against QDQ", ours, theirs, batch, threads);
              duel(model, "INT8 against FP32", ours, file, batch, threads);
            }
          }
        }
      }
    }
  }

  private static void duel(
      OcrModel model, String what, Path ours, Path theirs, int batch, int threads)
      throws Exception {
    float[] images = model.images(batch);
    try (Session session = Session.open(ours, SessionOptions.threads(threads));
        OnnxRuntimeNetwork other = OnnxRuntimeNetwork.open(theirs, threads);
        Tensor input = Tensor.of(images, model.shape(batch));
        OnnxTensor otherInput = other.tensor(images, model.shape(batch))) {
      Map<String, Tensor> inputs = Map.of(OcrModel.INPUT, input);
      float[] expected;
      try (OnnxRuntimeNetwork plain = OnnxRuntimeNetwork.plain(theirs)) {
        expected = plain.run(otherInput);
      }
      double difference = difference(run(session, inputs), expected);
      if (what.equals("FP32") && !(difference <= MOST_DIFFERENCE)) {
        throw new IllegalStateException(model + ": results differ by " + difference);
      }
      Duel.Outcome outcome =
          Duel.fight(() -> run(session, inputs), () -> other.run(otherInput), TURN_MILLISECONDS);
      System.out.printf(
          Locale.ROOT,
          "| %s, %s | %d | %d | %.2f | %.2f | %.2fx | %.2f / %.2f | %.1e |%n",
          model.name().toLowerCase(Locale.ROOT),
          what,
          batch,
          threads,
          outcome.ours(),
          outcome.theirs(),
          outcome.ratio(),
          outcome.oursMinimum(),
          outcome.theirsMinimum(),
          difference);
    }
  }

  private static float[] run(Session session, Map<String, Tensor> inputs) {
    try (Tensor result = session.run(inputs).values().iterator().next()) {
      return result.toFloats();
    }
  }

  /** The largest difference, relative to the largest value of theirs. */
  private static double difference(float[] ours, float[] theirs) {
    double largest = 0;
    double difference = 0;
    for (int i = 0; i < theirs.length; i++) {
      largest = Math.max(largest, Math.abs(theirs[i]));
      difference = Math.max(difference, Math.abs((double) ours[i] - theirs[i]));
    }
    return difference / largest;
  }
}
