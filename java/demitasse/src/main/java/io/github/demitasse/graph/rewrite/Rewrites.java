package io.github.demitasse.graph.rewrite;

import io.github.demitasse.Model;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.operator.GraphInference;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Thread-safe: turns graphs as exporters write them into the few operators that run fast: constants
 * folded, layer normalization, activation functions, attention, position embeddings and pooling
 * recognised, integer graphs of other tools said with Demitasse's encodings. The result is
 * deterministic, computes the same, and uses operators of {@link
 * io.github.demitasse.graph.FusedOperators}; {@link ExpandFusedOperators} says it in plain ONNX
 * again.
 */
public final class Rewrites {
  /** Each round but the last removes something; graphs from exporters need about five. */
  private static final int MOST_ROUNDS = 100;

  private Rewrites() {}

  /** All rewrites, without arithmetic on constant data. */
  public static Model apply(Model model) {
    return apply(model, ConstantEvaluator.NONE);
  }

  /**
   * All rewrites, until none applies any more. The graph of the result states all its values.
   *
   * @throws IllegalArgumentException if the inputs of a node do not fit, naming node and shapes
   */
  public static Model apply(Model model, ConstantEvaluator evaluator) {
    return stated(apply(prepared(model), standard(evaluator)));
  }

  /** The model with what inference knows of every value stated, so that it need not be repeated. */
  private static Model stated(Model model) {
    Graph graph = model.graph();
    GraphInference inference = GraphInference.of(model);
    Map<String, ValueInfo> values = new LinkedHashMap<>();
    for (Node node : graph.nodes()) {
      for (String output : node.outputs()) {
        if (!output.isEmpty()) {
          values.put(output, inference.value(output));
        }
      }
    }
    return model.withGraph(
        new Graph(
            graph.name(), graph.opsets(), graph.inputs(), graph.outputs(), graph.nodes(), values));
  }

  /**
   * The rewrites that keep every layer apart: what compression works on, so that layers can be
   * chosen one by one. {@link #apply(Model, ConstantEvaluator)} afterwards merges those that read
   * the same value.
   */
  public static Model canonical(Model model, ConstantEvaluator evaluator) {
    List<Rewrite> separate =
        standard(evaluator).stream()
            .filter(rewrite -> !(rewrite instanceof FusePackedAttention))
            .toList();
    return apply(prepared(model), separate);
  }

  /** What concerns the model as a whole and needs to know nothing of its shapes. */
  private static Model prepared(Model model) {
    Model upgraded = OpsetUpgrade.apply(model);
    return WidenHalfPrecision.apply(TranslateMicrosoftOperators.apply(upgraded));
  }

  /** Some rewrites, in this order, until none applies any more. */
  static Model apply(Model model, List<Rewrite> rewrites) {
    GraphEditor graph = new GraphEditor(model);
    boolean changed = true;
    for (int round = 0; changed && round < MOST_ROUNDS; round++) {
      changed = false;
      for (Rewrite rewrite : rewrites) {
        changed |= graph.sweep(rewrite);
      }
    }
    return graph.finish();
  }

  /**
   * The rewrites in their order: each may count on what those before it have cleared away, and the
   * ones that would take a part of a larger pattern come after it.
   */
  static List<Rewrite> standard(ConstantEvaluator evaluator) {
    return List.of(
        // what weights are
        new DecodeWeight(),
        new DecodeGather(),
        new DecodeCodebook(),
        new FoldWeightLayout(),
        new FoldConstants(evaluator),
        // what does nothing
        new RemoveNoOperation(),
        new ConstantReshape(),
        new MergeReshapes(),
        new MergeTransposes(),
        new SinkExpand(),
        new ShareCommonSubexpressions(),
        // integer graphs of other tools
        new ExpandQLinearMatMul(),
        new FuseFakeQuantize(),
        new FuseRowFakeQuantize(),
        new FuseMatMulInteger(),
        new FuseBinarize(),
        // normalization and activation functions
        new FuseLayerNormalization(),
        new FuseGelu(),
        new FuseHardSigmoid(),
        new FuseHardSwish(),
        // convolutions
        new FuseConvolution(),
        new FuseTransposedConvolution(),
        new SinkCrop(),
        new FoldIntoConvolution(),
        new FuseConvolutionActivation(),
        new FuseConvolutionScale(),
        new FuseResidual(FusedOperators.FUSED_CONV),
        new FuseDepthToSpace(),
        // linear layers
        new FuseGemm(),
        new FuseMatMul(),
        new FuseBias(),
        new FoldIntoLinear(),
        new FuseActivation(),
        new KeepTokenAxes(),
        // transformers
        new SplitPackedHeads(),
        new FuseAttention(),
        new FusePackedAttention(),
        new FusePositionEmbedding(),
        new FuseMeanPooling(),
        new FuseFirstPooling(),
        new FuseNormalizedPooling(),
        new FuseSkipLayerNormalization(),
        new FuseResidual(FusedOperators.LINEAR),
        new NameLayers());
  }
}
