package io.github.demitasse.cli;

import io.github.demitasse.Model;
import io.github.demitasse.cli.data.ArrayFile;
import io.github.demitasse.cli.data.DataOptions;
import io.github.demitasse.cli.data.ImageFolder;
import io.github.demitasse.cli.data.TextEncoder;
import io.github.demitasse.compress.ProgressListener;
import io.github.demitasse.compress.SensitivityAnalysis;
import io.github.demitasse.compress.SensitivityAnalysis.Candidate;
import io.github.demitasse.compress.SensitivityAnalysis.Result;
import io.github.demitasse.compress.SensitivityAnalysis.Sensitivity;
import io.github.demitasse.evaluate.Dataset;
import io.github.demitasse.runtime.Session;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code demitasse analyze}. */
@Command(
    name = "analyze",
    mixinStandardHelpOptions = true,
    description = {
      "Says which layers suffer from which format: each layer alone is compressed in each format, and",
      "the model's first output is compared with the original's on DATA:",
      "  dB            signal-to-noise ratio of the output; 20 dB: an error of a tenth",
      "  cosine        mean and lowest similarity of the output's rows",
      "With sentence pairs and scores, --metric adds Spearman's correlation x 100 on all of DATA,",
      "with arrays or images that have labels the accuracy. Leave layers that suffer most out of a",
      "recipe, or give them more bits."
    },
    footer = {
      "",
      "Example:",
      "  demitasse analyze model.onnx --data pairs.tsv --tokenizer tokenizer.json"
          + " --formats int8,int4 --metric",
      "  demitasse analyze ocr.onnx --data images --preprocess p.yaml --formats int8,int8-static"
    })
final class AnalyzeCommand implements Callable<Integer> {
  @Mixin private Output output;
  @Mixin private Threads threads;
  @Mixin private EmbeddingOptions embedding;
  @Mixin private LayerOptions layers;
  @Mixin private DataOptions data;
  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "MODEL", description = "The model: .onnx or .dmt.")
  private Path model;

  @Option(
      names = "--data",
      required = true,
      paramLabel = "DATA",
      description = "What to measure on: .npz, a folder of images, or text with --tokenizer.")
  private Path file;

  @Option(
      names = "--formats",
      paramLabel = "NAME",
      split = ",",
      defaultValue = "int8,int4",
      description = "Presets of the command compress (default: ${DEFAULT-VALUE}).")
  private List<String> formats;

  @Option(
      names = "--samples",
      paramLabel = "N",
      defaultValue = "32",
      description = "Samples to compare outputs on (default: ${DEFAULT-VALUE}).")
  private int samples;

  @Option(names = "--metric", description = "Evaluate each of the models on all of DATA.")
  private boolean metric;

  @Override
  public Integer call() throws Exception {
    Usage.require(samples >= 1, spec, "--samples must be at least 1");
    embedding.check();
    List<Candidate> candidates = candidates();
    Model loaded = Model.load(model);
    SensitivityAnalysis analysis =
        SensitivityAnalysis.of(loaded).in(layers.selector()).data(data.read(file, loaded, samples));
    Sensitivity sensitivity;
    try (Output.Progress progress = output.progress();
        TextEncoder encoder = metric && isText() ? data.encoder(loaded) : null) {
      if (metric) {
        analysis.metric(encoder == null ? accuracy(loaded) : correlation(encoder));
      }
      sensitivity = analysis.progress(progress).run(candidates);
    }
    print(sensitivity);
    return 0;
  }

  private List<Candidate> candidates() {
    List<Candidate> candidates = new ArrayList<>();
    for (String format : formats) {
      try {
        candidates.add(new Candidate(format, Presets.named(format)::in));
      } catch (IllegalArgumentException unknown) {
        throw new ParameterException(spec.commandLine(), unknown.getMessage());
      }
    }
    return candidates;
  }

  private boolean isText() {
    return !ArrayFile.isArrays(file) && !ImageFolder.isImages(file);
  }

  private ToDoubleFunction<Model> accuracy(Model loaded) throws IOException {
    SampleEvaluation evaluation =
        new SampleEvaluation(file, threads.options(), ProgressListener.NONE, embedding.batch());
    if (ImageFolder.isImages(file)) {
      ImageFolder images = data.images().open(file, loaded, Integer.MAX_VALUE);
      return accuracy(evaluation, images, images.hasLabels() ? images::labels : null);
    }
    ArrayFile arrays = ArrayFile.read(file, loaded, Long.MAX_VALUE);
    return accuracy(evaluation, arrays.samples(), SampleEvaluation.labels(file, arrays));
  }

  private ToDoubleFunction<Model> accuracy(
      SampleEvaluation evaluation, Dataset samples, Supplier<long[]> labels) {
    if (labels == null) {
      throw new IllegalArgumentException(
          file
              + ": --metric needs labels: an array 'labels' in the .npz, or for images --labels or a"
              + " folder for each class");
    }
    return any -> (double) evaluation.of(any, samples, labels, null).get("accuracy");
  }

  private ToDoubleFunction<Model> correlation(TextEncoder encoder) throws IOException {
    TextEvaluation texts =
        new TextEvaluation(
            file,
            (any, sentences, task) -> {
              try (Session session = Session.open(any, threads.options())) {
                return new Embeddings(session, encoder, embedding.pooling(), embedding.batch())
                    .of(sentences, task, ProgressListener.NONE);
              }
            });
    if (!texts.hasScores()) {
      throw new IllegalArgumentException(file + ": --metric needs sentence pairs with scores");
    }
    return any -> (double) texts.of(any, null).get("spearman");
  }

  private void print(Sensitivity sensitivity) {
    String figure = isText() ? "spearman" : "accuracy";
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("file", model.toString());
    json.put("original_" + figure, sensitivity.originalMetric());
    json.values().removeIf(value -> value == null);
    json.put("layers", sensitivity.results().stream().map(row -> row(row, figure)).toList());
    output.json(json);
    output.line("%8s  %8s  %8s  %9s  %s", "dB", "cosine", "lowest", metric ? figure : "", "layer");
    for (Result row : sensitivity.results()) {
      String layer = row.candidate() + "  " + row.layer() + " " + row.shape();
      if (!row.reason().isEmpty()) {
        output.line("%s  left as it is: %s", layer, row.reason());
        continue;
      }
      output.line(
          "%8s  %8.5f  %8.5f  %9s  %s",
          row.outputSignalToNoise() == null
              ? "exact"
              : String.format(Locale.ROOT, "%.1f", row.outputSignalToNoise()),
          row.cosineMean(),
          row.cosineMin(),
          row.metric() == null ? "" : String.format(Locale.ROOT, "%.3f", row.metric()),
          layer);
    }
    if (sensitivity.originalMetric() != null) {
      output.line("%s of the original: %.3f", figure, sensitivity.originalMetric());
    }
  }

  private static Map<String, Object> row(Result row, String figure) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("name", row.layer());
    json.put("shape", row.shape());
    json.put("format", row.candidate());
    json.put("bytes_before", row.bytesBefore());
    json.put("bytes_after", row.bytesAfter());
    json.put("output_sqnr_db", row.outputSignalToNoise());
    json.put("cosine_mean", row.cosineMean());
    json.put("cosine_min", row.cosineMin());
    json.put(figure, row.metric());
    json.put("reason", row.reason().isEmpty() ? null : row.reason());
    json.values().removeIf(value -> value == null);
    return json;
  }
}
