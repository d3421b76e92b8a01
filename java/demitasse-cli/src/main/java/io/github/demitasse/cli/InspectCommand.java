package io.github.demitasse.cli;

import io.github.demitasse.Model;
import io.github.demitasse.UnsupportedOperatorException.Missing;
import io.github.demitasse.compress.Layer;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.graph.rewrite.Rewrites;
import io.github.demitasse.natives.NativeLibrary;
import io.github.demitasse.operator.GraphInference;
import io.github.demitasse.runtime.NodeEvaluator;
import io.github.demitasse.weight.Weight;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code demitasse inspect}. */
@Command(
    name = "inspect",
    mixinStandardHelpOptions = true,
    description = {
      "Shows what is inside a model: inputs and outputs, operators, the layers that can be compressed, sizes.",
      "The names of layers are what --include and --exclude of 'compress' match.",
      "With --system: what this machine offers and which kernels are in use."
    },
    footer = {"", "Examples:", "  demitasse inspect model.onnx", "  demitasse inspect --system"})
final class InspectCommand implements Callable<Integer> {
  @Mixin private Output output;
  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "MODEL", arity = "0..1", description = "The model: .onnx or .dmt.")
  private Path file;

  @Option(names = "--system", description = "Show the CPU, the kernels in use and the threads.")
  private boolean system;

  @Override
  public Integer call() throws Exception {
    Usage.require(system == (file == null), spec, "give either a MODEL or --system");
    if (system) {
      inspectSystem();
    } else {
      inspectModel();
    }
    return 0;
  }

  private void inspectSystem() {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("version", NativeLibrary.version());
    result.put("isa", NativeLibrary.isa());
    result.put("cpu_features", NativeLibrary.features());
    result.put("threads", NativeLibrary.availableThreads());
    result.put("java", System.getProperty("java.runtime.version"));
    result.put("os", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
    output.json(result);
    result.forEach((key, value) -> output.line("%-13s %s", key, value));
  }

  private void inspectModel() throws Exception {
    Model model = Model.load(file);
    Map<String, Long> operators = operators(model);
    Model canonical = Rewrites.canonical(model, NodeEvaluator::evaluateIfKnown);
    long parameters =
        canonical.weights().values().stream()
            .filter(weight -> weight.type().isFloatingPoint())
            .mapToLong(Weight::elements)
            .sum();
    Map<String, Long> bytesByEncoding = new TreeMap<>();
    model
        .weights()
        .values()
        .forEach(w -> bytesByEncoding.merge(w.encoding(), w.storedBytes(), Long::sum));
    List<String> unsupported =
        GraphInference.of(Rewrites.apply(model, NodeEvaluator::evaluateIfKnown)).missing().stream()
            .map(Missing::toString)
            .toList();
    List<Layer> layers = Layer.of(canonical);

    Map<String, Object> result = new LinkedHashMap<>();
    result.put("file", file.toString());
    result.put("bytes", Files.size(file));
    result.put("parameters", parameters);
    result.put("opset", model.graph().opset());
    result.put("inputs", texts(model.graph().inputs()));
    result.put("outputs", texts(model.graph().outputs()));
    result.put("operators", operators);
    result.put("unsupported_operators", unsupported);
    result.put("bytes_by_encoding", bytesByEncoding);
    result.put("layers", layers.stream().map(InspectCommand::describe).toList());
    output.json(result);

    output.line("%s: %s, %,d parameters", file, Output.megabytes(Files.size(file)), parameters);
    model.graph().inputs().forEach(input -> output.line("  input   %s", input));
    model.graph().outputs().forEach(value -> output.line("  output  %s", value));
    List<String> counts = new ArrayList<>();
    operators.forEach((name, count) -> counts.add(name + " " + count));
    output.line("operators (opset %d): %s", model.graph().opset(), String.join(", ", counts));
    unsupported.forEach(operator -> output.line("not supported: %s", operator));
    bytesByEncoding.forEach(
        (encoding, bytes) -> output.line("  %10s  %s", Output.megabytes(bytes), encoding));
    output.line("layers that can be compressed: %d", layers.size());
    for (Layer layer : layers) {
      output.line(
          "  %10s  %-12s %-14s %s",
          Output.megabytes(layer.weight().storedBytes()),
          Arrays.toString(layer.weight().shape()),
          layer.weight().encoding(),
          layer.name());
    }
  }

  private static Map<String, Long> operators(Model model) {
    Map<String, Long> counts = new TreeMap<>();
    model.graph().nodes().forEach(node -> counts.merge(node.qualifiedOperator(), 1L, Long::sum));
    return counts;
  }

  private static List<String> texts(List<ValueInfo> values) {
    return values.stream().map(ValueInfo::toString).toList();
  }

  private static Map<String, Object> describe(Layer layer) {
    Map<String, Object> description = new LinkedHashMap<>();
    description.put("name", layer.name());
    description.put("operator", layer.node().operator());
    description.put("shape", layer.weight().shape());
    description.put("encoding", layer.weight().encoding());
    description.put("bytes", layer.weight().storedBytes());
    return description;
  }
}
