package io.github.demitasse.graph.rewrite;

import static io.github.demitasse.graph.rewrite.Pattern.multiply;
import static io.github.demitasse.graph.rewrite.Pattern.node;
import static io.github.demitasse.graph.rewrite.Pattern.weight;

import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.CodebookWeight;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Granularity;
import java.util.Arrays;
import java.util.Set;

/** Levels looked up with constant codes and multiplied with scales are a weight with a codebook. */
final class DecodeCodebook implements Rewrite {
  private static final Pattern.Operation SCALED =
      multiply(node("Gather", weight("levels"), node("Cast", weight("codes"))), weight("scales"));
  private static final Pattern.Operation GROUPED = node("Reshape", SCALED, weight("shape"));

  @Override
  public Set<String> roots() {
    return Set.of("Mul", "Reshape");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    boolean grouped = root.is("Reshape");
    Match match = Match.of(grouped ? GROUPED : SCALED, root, graph);
    if (match == null || graph.isKept(root.output(0)) || !isCodebook(match)) {
      return false;
    }
    Tensor codes = ((DenseWeight) match.weight("codes")).tensor();
    Tensor scales = Constants.floats(match.weight("scales"));
    long[] shape = grouped ? Constants.integers(match.weight("shape")) : codes.shape();
    Granularity granularity = grouped ? groups(codes, scales, shape) : channels(codes, scales);
    if (granularity == null) {
      return false;
    }
    CodebookWeight weight =
        new CodebookWeight(
            fourBits(codes).reshaped(shape),
            Constants.floats(match.weight("levels")),
            scales,
            granularity);
    String name = graph.addWeight(LayerNames.stored(match.value("codes")), weight);
    return graph.redirect(root.output(0), name);
  }

  private static boolean isCodebook(Match match) {
    boolean constants =
        match.weight("levels").type() == DataType.FLOAT32
            && match.weight("levels").shape().length == 1
            && match.weight("levels").elements() == CodebookWeight.ENTRIES
            && match.weight("scales").type() == DataType.FLOAT32
            && match.weight("codes") instanceof DenseWeight;
    if (!constants) {
      return false;
    }
    for (float level : Constants.floats(match.weight("levels")).toFloats()) {
      if (!Float.isFinite(level)) {
        return false;
      }
    }
    Tensor codes = ((DenseWeight) match.weight("codes")).tensor();
    return codes.type() == DataType.UINT4
        || codes.type() == DataType.UINT8
            && Arrays.stream(codes.toLongs()).allMatch(code -> code < CodebookWeight.ENTRIES);
  }

  private static Tensor fourBits(Tensor codes) {
    return codes.type() == DataType.UINT4
        ? codes
        : Tensor.ofIntegers(DataType.UINT4, codes.toLongs(), codes.shape());
  }

  /** One scale, or one for each index of an axis; null for anything else. */
  private static Granularity channels(Tensor codes, Tensor scales) {
    if (scales.rank() > codes.rank()) {
      return null;
    }
    if (scales.elements() == 1) {
      return new Granularity.PerTensor();
    }
    for (int axis = 0; axis < codes.rank(); axis++) {
      int fromEnd = axis - codes.rank() + scales.rank();
      if (fromEnd >= 0
          && scales.dimension(fromEnd) == scales.elements()
          && scales.elements() == codes.dimension(axis)) {
        return new Granularity.PerChannel(axis);
      }
    }
    return null;
  }

  /**
   * Codes of [.., groups, members, ..] that share scales of [.., groups, 1, ..] and become [..,
   * groups * members, ..]; null for anything else.
   */
  private static Granularity groups(Tensor codes, Tensor scales, long[] shape) {
    int rank = codes.rank();
    if (shape == null || shape.length != rank - 1 || scales.rank() != rank) {
      return null;
    }
    for (int axis = 0; axis < shape.length; axis++) {
      long[] one = codes.shape();
      one[axis + 1] = 1;
      long[] merged = withoutAxis(codes.shape(), axis + 1);
      merged[axis] *= codes.dimension(axis + 1);
      if (Arrays.equals(one, scales.shape())
          && Arrays.equals(merged, shape)
          && codes.dimension(axis + 1) <= Integer.MAX_VALUE) {
        return new Granularity.PerGroup(axis, (int) codes.dimension(axis + 1));
      }
    }
    return null;
  }

  private static long[] withoutAxis(long[] shape, int axis) {
    long[] result = Arrays.copyOf(shape, shape.length - 1);
    System.arraycopy(shape, axis + 1, result, axis, shape.length - axis - 1);
    return result;
  }
}
