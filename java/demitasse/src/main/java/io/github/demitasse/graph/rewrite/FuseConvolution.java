package io.github.demitasse.graph.rewrite;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.FusedOperators;
import io.github.demitasse.graph.Node;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.weight.Weight;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** Conv by constant filters, with a constant bias or none, becomes one that can be fused. */
final class FuseConvolution implements Rewrite {

  @Override
  public Set<String> roots() {
    return Set.of("Conv");
  }

  @Override
  public boolean apply(Node root, GraphEditor graph) {
    Weight filters = graph.weight(root.input(1));
    boolean possible =
        filters != null
            && filters.type() == DataType.FLOAT32
            && filters.shape().length >= 3
            && graph.type(root.input(0)) == DataType.FLOAT32
            && (!root.hasInput(2) || graph.weight(root.input(2)) != null);
    if (!possible) {
      return false;
    }
    Map<String, Attribute> attributes = new HashMap<>(root.attributes());
    if (root.text("auto_pad", "NOTSET").equals("VALID")) {
      attributes.remove("pads");
    }
    if (!root.text("auto_pad", "NOTSET").startsWith("SAME")) {
      attributes.remove("auto_pad");
    }
    attributes.put("activation", Attribute.of(Convolutions.NONE));
    String layer =
        LayerNames.layer(root.input(1), root.hasInput(2) ? root.input(2) : null, root.name());
    graph.replace(
        root,
        new Node(
            graph.freshNode(layer, root),
            Domains.DEMITASSE,
            FusedOperators.FUSED_CONV,
            root.inputs(),
            root.outputs(),
            attributes));
    return true;
  }
}
