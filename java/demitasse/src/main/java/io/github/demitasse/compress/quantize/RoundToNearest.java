package io.github.demitasse.compress.quantize;

import io.github.demitasse.compress.statistics.GramMatrix;
import java.util.function.Consumer;

/**
 * Immutable and thread-safe: each weight becomes the code nearest to it.
 *
 * @param scales how scales are found: {@link WholeRange}, {@link SmallestError} or {@link
 *     HalfQuadratic}
 */
public record RoundToNearest(ScaleMethod scales) implements WeightMethod {

  public RoundToNearest() {
    this(WholeRange.INSTANCE);
  }

  @Override
  public void quantize(CodedMatrix weight, GramMatrix inputs, Consumer<String> notes) {
    weight.fitScales(scales, null);
    weight.roundAll();
  }

  @Override
  public String description() {
    return scales == WholeRange.INSTANCE ? "rtn" : scales.description();
  }
}
