package io.github.demitasse.runtime;

import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Immutable and thread-safe: what the inputs of a graph must look like.
 *
 * <p>A symbol stands for one size in all inputs. A symbol that one input has twice, as in {@code
 * [batch, batch]}, is a slip of the exporter: it stands for a size per axis.
 */
final class SessionInputs {
  private static final int ANY = -1;

  private final List<ValueInfo> inputs;
  private final Map<String, Integer> positions = new HashMap<>();

  /** Per input and axis: a known size; ANY; or -2 - s for symbol s. Null: any shape. */
  private final long[][] expected;

  private final List<String> symbols = new ArrayList<>();

  SessionInputs(List<ValueInfo> inputs) {
    this.inputs = List.copyOf(inputs);
    this.expected = new long[inputs.size()][];
    List<String> repeated = repeatedSymbols();
    for (int i = 0; i < expected.length; i++) {
      ValueInfo input = inputs.get(i);
      positions.put(input.name(), i);
      if (input.shape() != null) {
        expected[i] = new long[input.shape().rank()];
        for (int axis = 0; axis < expected[i].length; axis++) {
          expected[i][axis] = expectation(input.shape().dimension(axis), axis, repeated);
        }
      }
    }
  }

  private List<String> repeatedSymbols() {
    List<String> repeated = new ArrayList<>();
    for (ValueInfo input : inputs) {
      Shape shape = input.shape();
      for (int i = 0; shape != null && i < shape.rank(); i++) {
        Dimension dimension = shape.dimension(i);
        if (dimension instanceof Dimension.Symbol symbol
            && shape.dimensions().indexOf(dimension) < i) {
          repeated.add(symbol.name());
        }
      }
    }
    return repeated;
  }

  private long expectation(Dimension dimension, int axis, List<String> repeated) {
    if (dimension.isKnown()) {
      return dimension.size();
    }
    if (!(dimension instanceof Dimension.Symbol symbol)) {
      return ANY;
    }
    String name = repeated.contains(symbol.name()) ? symbol.name() + "@" + axis : symbol.name();
    int index = symbols.indexOf(name);
    if (index < 0) {
      index = symbols.size();
      symbols.add(name);
    }
    return -2L - index;
  }

  List<ValueInfo> infos() {
    return inputs;
  }

  /**
   * The tensors in the order of the graph's inputs.
   *
   * @throws IllegalArgumentException if one is missing, unknown, or of a wrong type, rank or size,
   *     naming the input, what was expected and what was given
   */
  Tensor[] check(Map<String, Tensor> given) {
    Tensor[] tensors = new Tensor[inputs.size()];
    long[] sizes = new long[symbols.size()];
    int[] boundBy = new int[sizes.length];
    Arrays.fill(boundBy, -1);
    for (int i = 0; i < tensors.length; i++) {
      Tensor tensor = given.get(inputs.get(i).name());
      if (tensor == null) {
        throw new IllegalArgumentException(
            "input '"
                + inputs.get(i).name()
                + "' is missing: expected "
                + inputs.get(i)
                + given(given));
      }
      check(i, tensor, sizes, boundBy);
      tensors[i] = tensor;
    }
    if (given.size() != tensors.length) {
      for (String name : given.keySet()) {
        if (!positions.containsKey(name)) {
          throw new IllegalArgumentException(
              "there is no input '" + name + "': the inputs are " + positions.keySet());
        }
      }
    }
    return tensors;
  }

  private static String given(Map<String, Tensor> given) {
    return ", given " + given.keySet();
  }

  private void check(int input, Tensor tensor, long[] sizes, int[] boundBy) {
    ValueInfo info = inputs.get(input);
    long[] wanted = expected[input];
    if (info.type() != null && tensor.type() != info.type()
        || wanted != null && tensor.rank() != wanted.length) {
      throw mismatch(info, tensor, "");
    }
    for (int axis = 0; wanted != null && axis < wanted.length; axis++) {
      long size = tensor.dimension(axis);
      long want = wanted[axis];
      if (want >= 0 && want != size) {
        throw mismatch(info, tensor, "");
      }
      if (want < ANY) {
        int symbol = (int) (-2 - want);
        if (boundBy[symbol] < 0) {
          boundBy[symbol] = input;
          sizes[symbol] = size;
        } else if (sizes[symbol] != size) {
          throw mismatch(
              info,
              tensor,
              ": dimension "
                  + axis
                  + " is "
                  + size
                  + " here but "
                  + sizes[symbol]
                  + " in input '"
                  + inputs.get(boundBy[symbol]).name()
                  + "'");
        }
      }
    }
  }

  private static IllegalArgumentException mismatch(ValueInfo info, Tensor tensor, String why) {
    return new IllegalArgumentException(
        "input '"
            + info.name()
            + "': expected "
            + (info.type() == null ? "any type" : info.type())
            + (info.shape() == null ? "" : info.shape())
            + ", given "
            + tensor
            + why);
  }
}
