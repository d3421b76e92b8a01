package io.github.demitasse.cli;

import io.github.demitasse.Model;
import io.github.demitasse.cli.data.DataOptions;
import io.github.demitasse.cli.data.TextEncoder;
import io.github.demitasse.cli.data.TextFile;
import io.github.demitasse.cli.measure.PeakMemory;
import io.github.demitasse.cli.measure.Stopwatch;
import io.github.demitasse.cli.measure.SyntheticInputs;
import io.github.demitasse.graph.rewrite.Rewrites;
import io.github.demitasse.runtime.NodeEvaluator;
import io.github.demitasse.runtime.Session;
import io.github.demitasse.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code demitasse benchmark}. */
@Command(
    name = "benchmark",
    mixinStandardHelpOptions = true,
    description = {
      "Times a model: median and minimum after a warm-up.",
      "With --shape, inputs are made up: indices below the size of the table they index, other integers 1,"
          + " floats in [-1, 1]. Inputs that are not named take their sizes from those that are.",
      "With --text, real sentences run in batches, without padding.",
      "With --against, both models take turns in the same run."
    },
    footer = {
      "",
      "Examples:",
      "  demitasse benchmark model.dmt --shape input_ids=32x128 --shape input_ids=1x16",
      "  demitasse benchmark model.dmt --text pairs.tsv --tokenizer tokenizer.json --batch 32",
      "  demitasse benchmark model.dmt --shape input_ids=1x128 --against model.onnx"
    })
final class BenchmarkCommand implements Callable<Integer> {
  @Mixin private Output output;
  @Mixin private Threads threads;
  @Mixin private DataOptions data;
  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "MODEL", description = "The model: .onnx or .dmt.")
  private Path file;

  @Option(
      names = "--shape",
      paramLabel = "INPUT=AxB[,..]",
      description = "Shapes of inputs; may be given several times, each is timed.")
  private List<String> shapes = List.of();

  @Option(names = "--text", paramLabel = "FILE", description = "Sentences, or pairs with scores.")
  private Path text;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "32",
      description = "With --text: sentences that run together (default: ${DEFAULT-VALUE}).")
  private int batch;

  @Option(names = "--against", paramLabel = "OTHER", description = "A model to compare with.")
  private Path other;

  @Option(
      names = "--seconds",
      paramLabel = "S",
      defaultValue = "3",
      description = "Time to spend on each model and shape (default: ${DEFAULT-VALUE}).")
  private double seconds;

  private static final int LONGEST_SECONDS = 3600;

  /** One thing to time: what it is called, how many samples it has, and how a session does it. */
  private record Load(String name, int samples, Consumer<Session> run) {}

  @Override
  public Integer call() throws Exception {
    Usage.require(shapes.isEmpty() != (text == null), spec, "give either --shape or --text");
    Usage.require(batch >= 1, spec, "--batch must be at least 1");
    Usage.require(
        seconds > 0 && seconds <= LONGEST_SECONDS,
        spec,
        "--seconds must be above 0 and at most " + LONGEST_SECONDS);
    Model model = Model.load(file);
    List<Load> loads = new ArrayList<>();
    for (String shape : shapes) {
      loads.add(shapeLoad(model, shape));
    }
    if (text != null) {
      loads.add(textLoad(model));
    }
    List<Map<String, Object>> results = new ArrayList<>();
    try (Session session = Session.open(model, threads.options());
        Session opponent =
            other == null ? null : Session.open(Model.load(other), threads.options())) {
      for (Load load : loads) {
        results.add(time(load, session, opponent));
      }
    }
    Map<String, Object> all = new LinkedHashMap<>(results.get(0));
    all.put("results", results);
    output.json(all);
    return 0;
  }

  private Map<String, Object> time(Load load, Session session, Session opponent) {
    List<Runnable> contestants = new ArrayList<>();
    contestants.add(() -> load.run().accept(session));
    if (opponent != null) {
      contestants.add(() -> load.run().accept(opponent));
    }
    List<Stopwatch.Times> times = Stopwatch.time(contestants, seconds);
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("threads", threads.count());
    result.put("shapes", load.name());
    describe(result, load, times.get(0));
    result.put("peak_rss_bytes", PeakMemory.residentBytes());
    output.line(
        "%s, %d threads: median %.3f ms, min %.3f ms, %.0f samples/s",
        load.name(),
        threads.count(),
        times.get(0).median(),
        times.get(0).minimum(),
        1000 * load.samples() / times.get(0).median());
    if (opponent != null) {
      Map<String, Object> against = new LinkedHashMap<>();
      describe(against, load, times.get(1));
      result.put("against", against);
      result.put("speedup", times.get(1).median() / times.get(0).median());
      output.line(
          "  %.2fx the speed of %s (median %.3f ms, min %.3f ms)",
          times.get(1).median() / times.get(0).median(),
          other,
          times.get(1).median(),
          times.get(1).minimum());
    }
    return result;
  }

  private static void describe(Map<String, Object> result, Load load, Stopwatch.Times times) {
    result.put("median_ms", times.median());
    result.put("min_ms", times.minimum());
    result.put("samples_per_second", 1000 * load.samples() / times.median());
  }

  private Load shapeLoad(Model model, String text) {
    Map<String, long[]> sizes = parse(text);
    Model canonical = Rewrites.canonical(model, NodeEvaluator::evaluateIfKnown);
    Map<String, Tensor> inputs = SyntheticInputs.of(canonical, sizes);
    long[] first = sizes.values().iterator().next();
    int samples = first.length == 0 ? 1 : Math.toIntExact(first[0]);
    return new Load(text, samples, session -> session.run(inputs).values().forEach(Tensor::close));
  }

  private Map<String, long[]> parse(String text) {
    Map<String, long[]> sizes = new LinkedHashMap<>();
    for (String part : text.split(",")) {
      int equals = part.lastIndexOf('=');
      try {
        long[] shape =
            Arrays.stream(part.substring(equals + 1).trim().split("x"))
                .mapToLong(Long::parseLong)
                .toArray();
        if (Arrays.stream(shape).anyMatch(size -> size < 0)) {
          throw new NumberFormatException();
        }
        sizes.put(part.substring(0, equals).trim(), shape);
      } catch (IndexOutOfBoundsException | NumberFormatException e) {
        throw new ParameterException(
            spec.commandLine(), "'" + part + "' is not a shape; write input_ids=32x128");
      }
    }
    return sizes;
  }

  private Load textLoad(Model model) throws Exception {
    List<String> sentences = new ArrayList<>();
    TextFile.read(text).forEach(line -> sentences.addAll(line.sentences()));
    List<List<Map<String, Tensor>>> batches = new ArrayList<>();
    try (TextEncoder encoder = data.encoder(model)) {
      for (int from = 0; from < sentences.size(); from += batch) {
        int to = Math.min(from + batch, sentences.size());
        batches.add(encoder.encode(sentences.subList(from, to)));
      }
    }
    return new Load(
        text + " in batches of " + batch,
        sentences.size(),
        session -> {
          for (List<Map<String, Tensor>> samples : batches) {
            session.runAll(samples).forEach(outputs -> outputs.values().forEach(Tensor::close));
          }
        });
  }
}
