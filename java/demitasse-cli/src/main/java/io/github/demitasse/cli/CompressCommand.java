package io.github.demitasse.cli;

import io.github.demitasse.Model;
import io.github.demitasse.cli.data.DataOptions;
import io.github.demitasse.cli.measure.CostMeasurement;
import io.github.demitasse.compress.CompressionResult;
import io.github.demitasse.compress.Compressor;
import io.github.demitasse.compress.LayerPlan;
import io.github.demitasse.compress.Plan;
import io.github.demitasse.compress.Recipe;
import io.github.demitasse.compress.Report;
import io.github.demitasse.compress.Selector;
import io.github.demitasse.compress.quantize.NumberFormat;
import io.github.demitasse.compress.quantize.Percentile;
import io.github.demitasse.compress.quantize.Quantize;
import io.github.demitasse.evaluate.Dataset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code demitasse compress}. */
@Command(
    name = "compress",
    mixinStandardHelpOptions = true,
    description = {
      "Makes a model smaller and faster.",
      "Presets: int8 (weights and activations in 8 bits, ranges found at run time: needs no data, right for"
          + " most), int8-static (ranges fixed from calibration data), float16, bfloat16 (half the bytes, no"
          + " loss to speak of).",
      "A recipe names steps and their settings, in YAML:",
      "  steps:",
      "    - quantize: {weights: int8, activations: int8, layers: {exclude: [\"*pooler*\"]}}"
    },
    footer = {
      "",
      "Examples:",
      "  demitasse compress model.onnx --preset int8 -o model.dmt",
      "  demitasse compress model.onnx --preset int8 --plan",
      "  demitasse compress model.onnx --preset int8-static --calibration sentences.txt"
          + " --tokenizer tokenizer.json -o model.onnx"
    })
final class CompressCommand implements Callable<Integer> {
  @Mixin private Output output;
  @Mixin private Threads threads;
  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "MODEL", description = "The model to compress: .onnx or .dmt.")
  private Path model;

  @ArgGroup(multiplicity = "1")
  private How how;

  @Option(
      names = "--include",
      paramLabel = "PATTERN",
      split = ",",
      description = "With --preset: only layers that match; * stands for any characters.")
  private List<String> include;

  @Option(
      names = "--exclude",
      paramLabel = "PATTERN",
      split = ",",
      description = "With --preset: no layers that match.")
  private List<String> exclude;

  @Option(
      names = "--calibration",
      paramLabel = "DATA",
      description = {
        "Samples of what the model will be given: .npz, or text with --tokenizer. Needed for static ranges; with it,"
            + " the report says how close outputs stay."
      })
  private Path calibration;

  @Mixin private DataOptions data;

  @Option(
      names = "--samples",
      paramLabel = "N",
      defaultValue = "128",
      description = "Calibration samples to use (default: ${DEFAULT-VALUE}).")
  private int samples;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "OUT",
      description = "The file to write: .dmt, or .onnx to run in other runtimes too.")
  private Path target;

  @Option(
      names = "--report",
      paramLabel = "REPORT.json",
      description = "Write what was done, layer by layer, with speed and memory before and after.")
  private Path reportFile;

  @Option(names = "--plan", description = "Say what would be done, and do nothing.")
  private boolean plan;

  /** A preset or a recipe. */
  static final class How {
    @Option(
        names = "--preset",
        paramLabel = "NAME",
        description = "One of: int8, int8-static, float16, bfloat16.")
    private String preset;

    @Option(names = "--recipe", paramLabel = "R.yaml", description = "Steps from a file.")
    private Path recipe;
  }

  @Override
  public Integer call() throws Exception {
    Recipe recipe = recipe();
    if (plan) {
      Model loaded = Model.load(model);
      printPlan(recipe.plan(loaded));
      return 0;
    }
    if (target == null) {
      throw new ParameterException(spec.commandLine(), "name the file to write: -o OUT");
    }
    Targets.check(target, model);
    if (reportFile != null) {
      Targets.check(reportFile, model, target);
    }
    CompressionResult result;
    Model loaded = Model.load(model);
    try (Output.Progress progress = output.progress()) {
      Compressor compressor = Compressor.on(loaded).progress(progress);
      if (calibration != null) {
        Dataset samplesOfData = data.read(calibration, loaded, samples);
        compressor.calibration(samplesOfData);
      }
      result = compressor.apply(recipe);
    }
    result.model().save(target);
    Report report = result.report().withFileSizes(Files.size(model), Files.size(target));
    if (reportFile != null) {
      report = new CostMeasurement(threads.count()).addTo(report, model, target);
      ReportFile.write(reportFile, report);
    }
    print(report);
    return 0;
  }

  private Recipe recipe() {
    if (how.recipe != null) {
      if (include != null || exclude != null) {
        throw new ParameterException(
            spec.commandLine(), "with --recipe, layers are chosen in the recipe");
      }
      return Recipe.load(how.recipe);
    }
    Quantize quantize =
        switch (how.preset) {
          case "int8" -> Quantize.weights(NumberFormat.INT8).activations(NumberFormat.INT8);
          case "int8-static" ->
              Quantize.weights(NumberFormat.INT8)
                  .activations(NumberFormat.INT8)
                  .calibrate(Percentile.of(99.99));
          case "float16" -> Quantize.weights(NumberFormat.FLOAT16);
          case "bfloat16" -> Quantize.weights(NumberFormat.BFLOAT16);
          default ->
              throw new ParameterException(
                  spec.commandLine(),
                  "unknown preset '"
                      + how.preset
                      + "'; known: int8, int8-static, float16, bfloat16");
        };
    return Recipe.of(quantize.in(new Selector(include, exclude)));
  }

  private void printPlan(Plan plan) {
    output.json(Map.of("steps", plan.steps(), "needs_calibration", plan.needsCalibration()));
    for (Plan.StepPlan step : plan.steps()) {
      output.line(step.step());
      long before = 0;
      long after = 0;
      for (LayerPlan layer : step.layers()) {
        before += layer.bytesBefore();
        after += layer.bytesAfter();
        output.line(
            "  %10s -> %10s  %s %s%s",
            Output.megabytes(layer.bytesBefore()),
            Output.megabytes(layer.bytesAfter()),
            layer.layer(),
            layer.shape(),
            layer.skipped() ? "  (left as it is: " + layer.reason() + ")" : "");
      }
      output.line("  %10s -> %10s", Output.megabytes(before), Output.megabytes(after));
      if (step.needsCalibration()) {
        output.line("  needs --calibration");
      }
    }
  }

  private void print(Report report) {
    output.json(report);
    report.recipe().forEach(output::line);
    List<String> skipped = new ArrayList<>();
    Map<String, Integer> encodings = new LinkedHashMap<>();
    for (Report.LayerReport layer : report.layers()) {
      if (layer.reason().isEmpty()) {
        encodings.merge(layer.encodingBefore() + " -> " + layer.encodingAfter(), 1, Integer::sum);
      } else {
        skipped.add(layer.name() + ": " + layer.reason());
      }
    }
    encodings.forEach((encoding, count) -> output.line("  %d layers %s", count, encoding));
    skipped.forEach(line -> output.line("  left as it is: %s", line));
    output.line(
        "%s %s -> %s %s (%.2fx smaller)",
        model,
        Output.megabytes(report.inputBytes()),
        target,
        Output.megabytes(report.outputBytes()),
        (double) report.inputBytes() / report.outputBytes());
    if (report.fidelity() != null) {
      output.line(
          "outputs on the calibration data: mean cosine to the original %.5f, lowest %.5f",
          report.fidelity().cosineMean(), report.fidelity().cosineMin());
    }
  }
}
