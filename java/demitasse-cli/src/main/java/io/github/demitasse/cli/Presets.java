package io.github.demitasse.cli;

import io.github.demitasse.compress.quantize.Gptq;
import io.github.demitasse.compress.quantize.NumberFormat;
import io.github.demitasse.compress.quantize.Percentile;
import io.github.demitasse.compress.quantize.Quantize;
import io.github.demitasse.compress.quantize.RoundToNearest;
import io.github.demitasse.compress.quantize.SmallestError;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** Thread-safe: recipes of one step that have a name. */
final class Presets {
  private static final int GROUP = 32;

  private static final Map<String, Supplier<Quantize>> ALL = new LinkedHashMap<>();

  static {
    ALL.put("int8", () -> Quantize.weights(NumberFormat.INT8).activations(NumberFormat.INT8));
    ALL.put(
        "int8-static",
        () ->
            Quantize.weights(NumberFormat.INT8)
                .activations(NumberFormat.INT8)
                .calibrate(Percentile.of(99.99)));
    ALL.put(
        "int4", () -> fourBits(NumberFormat.INT4).by(new RoundToNearest(SmallestError.INSTANCE)));
    ALL.put("int4-gptq", () -> fourBits(NumberFormat.INT4).by(new Gptq()));
    ALL.put("nf4", () -> fourBits(NumberFormat.NF4).by(new RoundToNearest(SmallestError.INSTANCE)));
    ALL.put("float16", () -> Quantize.weights(NumberFormat.FLOAT16));
    ALL.put("bfloat16", () -> Quantize.weights(NumberFormat.BFLOAT16));
  }

  private Presets() {}

  /** Rows of tables are looked up, not multiplied: 8 bits cost no time there. */
  private static Quantize fourBits(NumberFormat format) {
    return Quantize.weights(format)
        .group(GROUP)
        .activations(NumberFormat.INT8)
        .embeddings(NumberFormat.INT8);
  }

  /** All names, in the order in which help tells them. */
  static List<String> names() {
    return List.copyOf(ALL.keySet());
  }

  /**
   * The step of this name.
   *
   * @throws IllegalArgumentException for an unknown name, telling the known ones
   */
  static Quantize named(String name) {
    Supplier<Quantize> preset = ALL.get(name);
    if (preset == null) {
      throw new IllegalArgumentException(
          "unknown preset '" + name + "'; known: " + String.join(", ", ALL.keySet()));
    }
    return preset.get();
  }
}
