package io.github.demitasse.benchmarks.mnist;

import static io.github.demitasse.compress.quantize.NumberFormat.BINARY;
import static io.github.demitasse.compress.quantize.NumberFormat.FLOAT16;
import static io.github.demitasse.compress.quantize.NumberFormat.INT4;
import static io.github.demitasse.compress.quantize.NumberFormat.INT8;
import static io.github.demitasse.compress.quantize.NumberFormat.NF4;

import io.github.demitasse.benchmarks.harness.CompressionTable;
import io.github.demitasse.benchmarks.harness.Variant;
import io.github.demitasse.compress.Selector;
import io.github.demitasse.compress.equalize.CrossLayerEqualization;
import io.github.demitasse.compress.quantize.Gptq;
import io.github.demitasse.compress.quantize.Percentile;
import io.github.demitasse.compress.quantize.Quantize;
import io.github.demitasse.compress.quantize.RoundToNearest;
import io.github.demitasse.compress.quantize.SmallestError;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Networks that {@link TrainNetworks} trained, compressed in every way there is, on MNIST's whole
 * test set and against ONNX Runtime. Calibrates on the first images for training.
 *
 * <p>Arguments: the folder of the idx files, the folder of the networks, perhaps which (lenet,
 * lstm).
 */
public final class AgainstOnnxRuntime {
  private static final int CALIBRATION = 512;

  private static final Quantize STATIC =
      Quantize.weights(INT8).activations(INT8).calibrate(Percentile.of(99.99));

  private static final Map<String, List<Variant>> VARIANTS =
      Map.of(
          "lenet",
          List.of(
              Variant.of("FP32").exportedToo(),
              Variant.of("FP16 weights", Quantize.weights(FLOAT16)),
              Variant.of("INT8 static", STATIC).exportedToo(),
              Variant.of(
                      "INT8 static, equalized, biases corrected",
                      new CrossLayerEqualization(Selector.ALL),
                      STATIC.correctBias())
                  .exportedToo(),
              Variant.of("INT8 weights", Quantize.weights(INT8)),
              Variant.of("INT4 weights, rtn", Quantize.weights(INT4)),
              Variant.of(
                  "INT4 weights, mse",
                  Quantize.weights(INT4).by(new RoundToNearest(SmallestError.INSTANCE))),
              Variant.of("INT4 weights, gptq", Quantize.weights(INT4).by(new Gptq())),
              Variant.of(
                  "NF4 weights, mse",
                  Quantize.weights(NF4).by(new RoundToNearest(SmallestError.INSTANCE))),
              Variant.of("binary weights, forced", Quantize.weights(BINARY).force())),
          "lstm",
          List.of(Variant.of("FP32").exportedToo()));

  private AgainstOnnxRuntime() {}

  public static void main(String[] arguments) throws Exception {
    MnistImages test = MnistImages.test(Path.of(arguments[0]));
    MnistImages training = MnistImages.training(Path.of(arguments[0]));
    List<String> chosen =
        arguments.length > 2
            ? Arrays.asList(arguments).subList(2, arguments.length)
            : List.of("lenet", "lstm");
    long[] shape = {1, MnistImages.SIDE, MnistImages.SIDE};
    for (String name : chosen) {
      Path file = Path.of(arguments[1]).resolve(name + "-mnist.onnx");
      new CompressionTable(file, shape, test, training, CALIBRATION)
          .print(name, VARIANTS.get(name));
    }
  }
}
