package io.github.demitasse.benchmarks.ocr;

import io.github.demitasse.Model;
import io.github.demitasse.compress.Compressor;
import io.github.demitasse.compress.Recipe;
import io.github.demitasse.compress.Selector;
import io.github.demitasse.compress.equalize.CrossLayerEqualization;
import io.github.demitasse.compress.quantize.NumberFormat;
import io.github.demitasse.compress.quantize.Percentile;
import io.github.demitasse.compress.quantize.Quantize;
import io.github.demitasse.evaluate.Dataset;
import io.github.demitasse.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The OCR models in INT8, equalized, weights per channel, activations static, biases corrected, for
 * {@link AgainstOnnxRuntime}: as FILE.dmt, and as FILE.qdq.onnx for other runtimes.
 *
 * <p>Arguments: the folder of the models, the folder for the results, and, to see what each measure
 * does, which of them to take: {@code both} (the default), {@code equalization}, {@code bias}, or
 * {@code plain} for none.
 */
public final class QuantizeModels {
  private static final int LINES = 128;
  private static final int PAGES = 8;

  private QuantizeModels() {}

  public static void main(String[] arguments) throws Exception {
    Path to = Files.createDirectories(Path.of(arguments[1]));
    Recipe recipe = recipe(arguments.length > 2 ? arguments[2] : "both");
    for (OcrModel kind : OcrModel.values()) {
      Model model = Model.load(Path.of(arguments[0]).resolve(kind.file() + ".onnx"));
      Model quantized = Compressor.on(model).calibration(images(kind)).apply(recipe).model();
      quantized.save(to.resolve(kind.file() + ".dmt"));
      quantized.save(to.resolve(kind.file() + ".qdq.onnx"));
    }
  }

  private static Recipe recipe(String measures) {
    if (!List.of("both", "equalization", "bias", "plain").contains(measures)) {
      throw new IllegalArgumentException("'" + measures + "' is no way to compress");
    }
    boolean both = measures.equals("both");
    Quantize quantize =
        Quantize.weights(NumberFormat.INT8)
            .perChannel()
            .activations(NumberFormat.INT8)
            .calibrate(Percentile.of(99.99));
    Recipe.Builder steps = Recipe.builder();
    if (both || measures.equals("equalization")) {
      steps.add(new CrossLayerEqualization(Selector.ALL));
    }
    return steps.add(both || measures.equals("bias") ? quantize.correctBias() : quantize).build();
  }

  /** Words that are not measured. */
  private static Dataset images(OcrModel kind) {
    TextImages images = new TextImages(TextImages.Set.CALIBRATION);
    boolean pages = kind == OcrModel.DETECTION;
    List<Map<String, Tensor>> samples = new ArrayList<>();
    for (int i = 0; i < (pages ? PAGES : LINES); i++) {
      Tensor image =
          pages
              ? OcrInputs.page(images.page((int) kind.shape(1)[3]).image())
              : OcrInputs.line(images.line().image(), (int) kind.shape(1)[3]);
      samples.add(Map.of(OcrModel.INPUT, image));
    }
    return Dataset.of(samples);
  }
}
