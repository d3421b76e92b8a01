package io.github.demitasse.benchmarks.harness;

import static io.github.demitasse.compress.quantize.NumberFormat.BINARY;
import static io.github.demitasse.compress.quantize.NumberFormat.FLOAT16;
import static io.github.demitasse.compress.quantize.NumberFormat.INT4;
import static io.github.demitasse.compress.quantize.NumberFormat.INT8;
import static io.github.demitasse.compress.quantize.NumberFormat.NF4;

import io.github.demitasse.compress.Selector;
import io.github.demitasse.compress.equalize.CrossLayerEqualization;
import io.github.demitasse.compress.quantize.Gptq;
import io.github.demitasse.compress.quantize.Percentile;
import io.github.demitasse.compress.quantize.Quantize;
import io.github.demitasse.compress.quantize.RoundToNearest;
import io.github.demitasse.compress.quantize.SmallestError;
import java.util.List;

/** Immutable: the rows of the tables of classifiers. */
public final class Variants {
  private static final Quantize STATIC =
      Quantize.weights(INT8).activations(INT8).calibrate(Percentile.of(99.99));
  private static final RoundToNearest CLIPPED = new RoundToNearest(SmallestError.INSTANCE);

  /** As it is. */
  public static final Variant FP32 = Variant.of("FP32").exportedToo();

  /** What networks of convolutions can be compressed to; scales are per channel. */
  public static final List<Variant> CONVOLUTIONS =
      List.of(
          FP32,
          Variant.of("FP16 weights", Quantize.weights(FLOAT16)),
          Variant.of("INT8 weights", Quantize.weights(INT8)),
          Variant.of("INT8 static", STATIC).exportedToo(),
          Variant.of(
                  "INT8 static, equalized, biases corrected",
                  new CrossLayerEqualization(Selector.ALL),
                  STATIC.correctBias())
              .exportedToo(),
          Variant.of("INT4 weights, rtn", Quantize.weights(INT4)),
          Variant.of("INT4 weights, mse", Quantize.weights(INT4).by(CLIPPED)),
          Variant.of("INT4 weights, gptq", Quantize.weights(INT4).by(new Gptq())),
          Variant.of("NF4 weights, mse", Quantize.weights(NF4).by(CLIPPED)),
          Variant.of("binary weights, forced", Quantize.weights(BINARY).force()));

  /** What recurrent networks can be compressed to. */
  public static final List<Variant> RECURRENT =
      List.of(
          FP32,
          Variant.of("FP16 weights", Quantize.weights(FLOAT16)),
          Variant.of("INT8 weights", Quantize.weights(INT8)),
          Variant.of("INT8", Quantize.weights(INT8).activations(INT8)),
          Variant.of("INT4 weights, rtn", Quantize.weights(INT4)),
          Variant.of("INT4 weights, mse", Quantize.weights(INT4).by(CLIPPED)),
          Variant.of("INT4, mse", Quantize.weights(INT4).by(CLIPPED).activations(INT8)));

  private Variants() {}
}
