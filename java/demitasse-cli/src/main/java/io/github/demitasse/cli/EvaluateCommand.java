package io.github.demitasse.cli;

import io.github.demitasse.Model;
import io.github.demitasse.cli.data.ArrayFile;
import io.github.demitasse.cli.data.DataOptions;
import io.github.demitasse.cli.data.ImageFolder;
import io.github.demitasse.cli.data.TextEncoder;
import io.github.demitasse.compress.ProgressListener;
import io.github.demitasse.runtime.Session;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code demitasse evaluate}. */
@Command(
    name = "evaluate",
    mixinStandardHelpOptions = true,
    description = {
      "Measures a model on real data.",
      "DATA is one of:",
      "  sentence pairs   sentence TAB sentence TAB score: Spearman's correlation x 100 of the",
      "                   cosine similarity of embeddings with the score",
      "  sentences        one a line: only with --against",
      "  arrays           .npz with the model's inputs, samples along the first axis; with an",
      "                   array 'labels': share of samples whose largest output is the label",
      "  images           a folder; with --labels, or in folders named after classes: the same",
      "With --against: mean and lowest cosine similarity of the outputs to the other model's."
    },
    footer = {
      "",
      "Example:",
      "  demitasse evaluate model.dmt --data pairs.tsv --tokenizer tokenizer.json"
          + " --against model.onnx"
    })
final class EvaluateCommand implements Callable<Integer> {
  @Mixin private Output output;
  @Mixin private Threads threads;
  @Mixin private EmbeddingOptions embedding;
  @Mixin private DataOptions data;

  @Parameters(paramLabel = "MODEL", description = "The model: .onnx or .dmt.")
  private Path model;

  @Option(
      names = "--data",
      required = true,
      paramLabel = "DATA",
      description = "What to measure on.")
  private Path file;

  @Option(
      names = "--against",
      paramLabel = "ORIGINAL",
      description = "The model to be faithful to, usually the one before compression.")
  private Path original;

  @Override
  public Integer call() throws Exception {
    embedding.check();
    Model loaded = Model.load(model);
    Model other = original == null ? null : Model.load(original);
    Map<String, Object> result;
    try (Output.Progress progress = output.progress()) {
      if (ArrayFile.isArrays(file)) {
        result = ofArrays(loaded, other, progress);
      } else if (ImageFolder.isImages(file)) {
        result = ofImages(loaded, other, progress);
      } else {
        result =
            new TextEvaluation(file, (each, texts, task) -> embed(each, texts, task, progress))
                .of(loaded, other);
      }
    }
    output.json(result);
    result.forEach(
        (key, value) ->
            output.line(value instanceof Double ? "%-12s %.5f" : "%-12s %s", key, value));
    return 0;
  }

  private Map<String, Object> ofArrays(Model loaded, Model other, ProgressListener progress) {
    ArrayFile arrays = ArrayFile.read(file, loaded, Long.MAX_VALUE);
    return new SampleEvaluation(file, threads.options(), progress, embedding.batch())
        .of(loaded, arrays.samples(), SampleEvaluation.labels(file, arrays), other);
  }

  private Map<String, Object> ofImages(Model loaded, Model other, ProgressListener progress)
      throws IOException {
    ImageFolder images = data.images().open(file, loaded, Integer.MAX_VALUE);
    Map<String, Object> figures =
        new SampleEvaluation(file, threads.options(), progress, embedding.batch())
            .of(loaded, images, images.hasLabels() ? images::labels : null, other);
    SkippedImages.report(images, figures, output);
    return figures;
  }

  private Map<String, float[]> embed(
      Model from, List<String> texts, String task, ProgressListener progress) {
    try (TextEncoder encoder = data.encoder(from);
        Session session = Session.open(from, threads.options())) {
      return new Embeddings(session, encoder, embedding.pooling(), embedding.batch())
          .of(texts, task, progress);
    }
  }
}
