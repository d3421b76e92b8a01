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
 * <p>Arguments: the folder of the models, the folder for the results.
 */
public final class QuantizeModels {
  private static final int LINES = 128;
  private static final int PAGES = 8;

  private QuantizeModels() {}

  public static void main(String[] arguments) throws Exception {
    Path to = Files.createDirectories(Path.of(arguments[1]));
    Recipe recipe =
        Recipe.builder()
            .add(new CrossLayerEqualization(Selector.ALL))
            .add(
                Quantize.weights(NumberFormat.INT8)
                    .perChannel()
                    .activations(NumberFormat.INT8)
                    .calibrate(Percentile.of(99.99))
                    .correctBias())
            .build();
    for (OcrModel kind : OcrModel.values()) {
      Model model = Model.load(Path.of(arguments[0]).resolve(kind.file() + ".onnx"));
      Model quantized = Compressor.on(model).calibration(images(kind)).apply(recipe).model();
      quantized.save(to.resolve(kind.file() + ".dmt"));
      quantized.save(to.resolve(kind.file() + ".qdq.onnx"));
    }
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
