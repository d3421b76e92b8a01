package io.github.demitasse.compress;

import io.github.demitasse.Model;
import io.github.demitasse.graph.CodedConvolutions;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import io.github.demitasse.weight.Weight;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Immutable: a node with a weight that can be compressed. Recurrent nodes have two, and are two
 * layers.
 *
 * @param kind what the weight is for
 * @param node the node that uses it
 * @param weightName the name of the weight in the model
 * @param weight the weight
 */
public record Layer(Kind kind, Node node, String weightName, Weight weight) {

  /** What a layer's weight is for; decides along which axis channels lie. */
  public enum Kind {
    /** weight[k, n] of a linear operator: one channel per output n. */
    LINEAR(1, 1),
    /** kernel[out, in / group, height, width] of a convolution: one channel per output. */
    CONVOLUTION(0, 1),
    /** table[entries, features] of a lookup: one channel per entry. */
    EMBEDDING(0, 0),
    /** table[positions, features] whose rows are added in order: one channel per position. */
    POSITION_EMBEDDING(0, 1),
    /**
     * weight[directions, gates * hidden, inputs] of an RNN, GRU or LSTM: one channel per gate and
     * hidden unit, the same for both directions.
     */
    RECURRENT_INPUT(1, 1),
    /** The same that meets the state: weight[directions, gates * hidden, hidden]. */
    RECURRENCE(1, 2);

    private final int channelAxis;
    private final int weightInput;

    Kind(int channelAxis, int weightInput) {
      this.channelAxis = channelAxis;
      this.weightInput = weightInput;
    }

    public int channelAxis() {
      return channelAxis;
    }

    /** The axis along which what is multiplied and added lies, which groups divide. */
    public int depthAxis() {
      return isRecurrent() ? 2 : 1 - channelAxis;
    }

    /** True for weights of an RNN, GRU or LSTM. */
    public boolean isRecurrent() {
      return this == RECURRENT_INPUT || this == RECURRENCE;
    }

    private int rank() {
      return this == CONVOLUTION ? 4 : isRecurrent() ? 3 : 2;
    }

    /** What a layer of this kind is called that is a part of the node. */
    public String layerName(Node node) {
      return switch (this) {
        case RECURRENT_INPUT -> node.name() + ".input";
        case RECURRENCE -> node.name() + ".recurrence";
        default -> node.name();
      };
    }

    /** The index of the node's input that is the weight. */
    public int weightInput() {
      return weightInput;
    }
  }

  /** What selectors match and messages say. */
  public String name() {
    return kind.layerName(node);
  }

  /** The first value that the node computes. */
  public String output() {
    return node.outputs().stream().filter(value -> !value.isEmpty()).findFirst().orElseThrow();
  }

  /** As messages name it: {@code 'encoder.layer.0.output' [1536, 384]}. */
  @Override
  public String toString() {
    return "'" + name() + "' " + Arrays.toString(weight.shape());
  }

  /** True when integers can be computed with: codes of the input meet codes of the weight. */
  public boolean takesCodes() {
    return kind == Kind.LINEAR
        || kind == Kind.CONVOLUTION && CodedConvolutions.accepts(weight.shape());
  }

  /** All layers of a rewritten model, in execution order. */
  public static List<Layer> of(Model model) {
    List<Layer> layers = new ArrayList<>();
    for (Node node : model.graph().nodes()) {
      for (Kind kind : kinds(node)) {
        String weightName = node.hasInput(kind.weightInput()) ? node.input(kind.weightInput()) : "";
        Weight weight = model.weights().get(weightName);
        if (weight != null
            && weight.shape().length == kind.rank()
            && weight.type().isFloatingPoint()) {
          layers.add(new Layer(kind, node, weightName, weight));
        }
      }
    }
    return layers;
  }

  private static List<Kind> kinds(Node node) {
    if (node.is(Domains.DEMITASSE, FusedOperators.FUSED_CONV)) {
      return List.of(Kind.CONVOLUTION);
    }
    if (node.is(Domains.DEMITASSE, FusedOperators.LINEAR)) {
      return List.of(Kind.LINEAR);
    }
    if (node.is("Gather") && node.integer("axis", 0) == 0) {
      return List.of(Kind.EMBEDDING);
    }
    if (node.is(Domains.DEMITASSE, FusedOperators.POSITION_EMBEDDING)) {
      return List.of(Kind.POSITION_EMBEDDING);
    }
    if (node.is("RNN") || node.is("GRU") || node.is("LSTM")) {
      return List.of(Kind.RECURRENT_INPUT, Kind.RECURRENCE);
    }
    return List.of();
  }
}
