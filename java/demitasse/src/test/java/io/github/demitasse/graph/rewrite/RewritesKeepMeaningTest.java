package io.github.demitasse.graph.rewrite;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.Model;
import io.github.demitasse.UnsupportedOperatorException;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.runtime.NodeEvaluator;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Supplier;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Graphs that are nearly a pattern: the patterns with something changed at random. Whatever is
 * recognised in them, they must compute the same as before.
 */
class RewritesKeepMeaningTest {
  private static final int MUTANTS = 300;

  private record Named(String name, Supplier<Model> model) {
    @Override
    public String toString() {
      return name;
    }
  }

  static List<Named> patterns() {
    return List.of(
        new Named("attention", AttentionGraphs::masked),
        new Named("attention with replaced scores", AttentionGraphs::replaced),
        new Named("layer normalization", FuseLayerNormalizationTest::pytorchModel),
        new Named("gelu", FuseActivationsTest::erfModel),
        new Named("gelu by tanh", FuseActivationsTest::tanhModel),
        new Named("mean pooling", FusePoolingTest::normalizedModel),
        new Named("position embedding", FusePositionEmbeddingTest::sliceModel),
        new Named("dynamic quantization", QuantizedGraphsTest::dynamicModel),
        new Named("static quantization", QuantizedGraphsTest::qdqModel),
        new Named("linear layers", FuseLinearTest::layersModel));
  }

  @ParameterizedTest
  @MethodSource("patterns")
  void mutantsComputeTheSame(Named pattern) {
    Model original = pattern.model.get();
    Evaluation.assertSame(original, Rewrites.apply(original), 1e-4f);
    int compared = 0;
    for (int seed = 0; seed < MUTANTS; seed++) {
      Model mutant = mutant(original, new Random(seed));
      try {
        Evaluation.runWithRandomInputs(mutant);
      } catch (RuntimeException invalid) {
        assertRefusedOrRewritten(mutant, seed);
        continue;
      }
      Model rewritten = Rewrites.apply(mutant, NodeEvaluator::evaluateIfKnown);
      try {
        Evaluation.assertSame(mutant, rewritten, 1e-3f);
      } catch (AssertionError different) {
        throw new AssertionError(
            "seed "
                + seed
                + ": "
                + different.getMessage()
                + "\n"
                + text(mutant)
                + "\nbecame\n"
                + text(rewritten),
            different);
      }
      compared++;
    }
    assertTrue(compared > MUTANTS / 10, "only " + compared + " mutants could be compared");
  }

  private static String text(Model model) {
    return String.join(
            "\n",
            model.graph().nodes().stream().map(node -> node + " " + node.attributes()).toList())
        + "\n"
        + model.graph().outputs();
  }

  /** A graph that cannot be computed is rewritten or refused in the agreed way. */
  private static void assertRefusedOrRewritten(Model mutant, int seed) {
    try {
      Rewrites.apply(mutant);
    } catch (IllegalArgumentException | UnsupportedOperatorException refused) {
      assertTrue(refused.getMessage() != null, "seed " + seed);
    } catch (RuntimeException wrong) {
      throw new AssertionError("seed " + seed + ": " + wrong + "\n" + text(mutant), wrong);
    }
  }

  /** The model with one to three random changes. */
  private static Model mutant(Model model, Random random) {
    Model mutant = model;
    for (int i = 1 + random.nextInt(3); i > 0; i--) {
      mutant =
          switch (random.nextInt(6)) {
            case 0 -> withAnotherConstant(mutant, random);
            case 1 -> withAnotherOutput(mutant, random);
            case 2 -> withAnotherAttribute(mutant, random);
            case 3 -> withAnotherOperator(mutant, random);
            default -> withAnotherInput(mutant, random);
          };
    }
    return mutant;
  }

  private static Model withNode(Model model, int index, Node node) {
    List<Node> nodes = new ArrayList<>(model.graph().nodes());
    nodes.set(index, node);
    return model.withGraph(model.graph().withNodes(nodes));
  }

  private static Model withAnotherConstant(Model model, Random random) {
    Map<String, Weight> weights = new LinkedHashMap<>(model.weights());
    List<String> small =
        weights.keySet().stream().filter(name -> weights.get(name).elements() <= 4).toList();
    if (small.isEmpty()) {
      return model;
    }
    String name = small.get(random.nextInt(small.size()));
    Tensor tensor = ((DenseWeight) weights.get(name)).tensor();
    float[] values = tensor.toFloats();
    int index = random.nextInt(values.length);
    values[index] += new float[] {1, -1, 0.25f, -2}[random.nextInt(4)];
    weights.put(name, new DenseWeight(Evaluation.tensor(tensor.type(), values, tensor.shape())));
    return model.withWeights(weights);
  }

  private static Model withAnotherOutput(Model model, Random random) {
    Graph graph = model.graph();
    Node node = graph.nodes().get(random.nextInt(graph.nodes().size()));
    String name = node.output(random.nextInt(node.outputs().size()));
    if (graph.outputNames().contains(name)) {
      return model;
    }
    List<ValueInfo> outputs = new ArrayList<>(graph.outputs());
    outputs.add(new ValueInfo(name, null, null));
    return model.withGraph(
        new Graph(graph.name(), graph.opsets(), graph.inputs(), outputs, graph.nodes(), Map.of()));
  }

  private static Model withAnotherAttribute(Model model, Random random) {
    int index = random.nextInt(model.graph().nodes().size());
    Node node = model.graph().nodes().get(index);
    List<String> names = node.attributes().keySet().stream().sorted().toList();
    if (names.isEmpty()) {
      return model;
    }
    String name = names.get(random.nextInt(names.size()));
    Attribute attribute = node.attributes().get(name);
    if (attribute instanceof Attribute.OfInteger integer) {
      attribute = Attribute.of(integer.value() + (random.nextBoolean() ? 1 : -1));
    } else if (attribute instanceof Attribute.OfIntegers integers) {
      List<Long> changed = new ArrayList<>(integers.value());
      int first = random.nextInt(changed.size());
      int second = random.nextInt(changed.size());
      changed.set(first, changed.set(second, changed.get(first)));
      attribute = Attribute.ofIntegers(changed);
    } else if (attribute instanceof Attribute.OfFloat number) {
      attribute = Attribute.of(number.value() * 1.5f);
    }
    return withNode(model, index, node.withAttribute(name, attribute));
  }

  private static Model withAnotherOperator(Model model, Random random) {
    int index = random.nextInt(model.graph().nodes().size());
    Node node = model.graph().nodes().get(index);
    List<String> others =
        switch (node.operator()) {
          case "Add", "Mul", "Sub", "Div" -> List.of("Add", "Mul", "Sub", "Div");
          case "Erf", "Tanh", "Sqrt", "Relu" -> List.of("Erf", "Tanh", "Sqrt", "Relu");
          case "ReduceMean", "ReduceSum", "ReduceL2" ->
              List.of("ReduceMean", "ReduceSum", "ReduceL2");
          default -> List.of(node.operator());
        };
    String operator = others.get(random.nextInt(others.size()));
    return withNode(
        model,
        index,
        new Node(
            node.name(),
            node.domain(),
            operator,
            node.inputs(),
            node.outputs(),
            node.attributes()));
  }

  /** One input becomes another value that is known before the node. */
  private static Model withAnotherInput(Model model, Random random) {
    Graph graph = model.graph();
    int index = random.nextInt(graph.nodes().size());
    Node node = graph.nodes().get(index);
    List<String> known = new ArrayList<>(model.weights().keySet());
    graph.inputs().forEach(input -> known.add(input.name()));
    graph.nodes().subList(0, index).forEach(before -> known.addAll(before.outputs()));
    if (node.inputs().isEmpty()) {
      return model;
    }
    List<String> inputs = new ArrayList<>(node.inputs());
    int changed = random.nextInt(inputs.size());
    if (random.nextInt(8) == 0) {
      inputs.remove(inputs.size() - 1);
    } else if (random.nextInt(3) == 0) {
      inputs.set(changed, inputs.get(random.nextInt(inputs.size())));
    } else {
      inputs.set(changed, known.get(random.nextInt(known.size())));
    }
    return withNode(model, index, node.withInputs(inputs));
  }
}
