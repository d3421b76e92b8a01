package io.github.demitasse.cli;

import io.github.demitasse.Model;
import io.github.demitasse.cli.data.DataOptions;
import io.github.demitasse.cli.data.ImageFolder;
import io.github.demitasse.cli.measure.CostMeasurement;
import io.github.demitasse.compress.CompressionResult;
import io.github.demitasse.compress.Compressor;
import io.github.demitasse.compress.LayerPlan;
import io.github.demitasse.compress.Plan;
import io.github.demitasse.compress.Recipe;
import io.github.demitasse.compress.Report;
import io.github.demitasse.evaluate.Dataset;
import io.github.demitasse.format.ModelFormats;
import java.io.IOException;
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
          + " most), int8-static (ranges fixed from calibration data), int4 (weights in 4 bits with"
          + " a scale for every 32, tables in 8, activations in 8), int4-gptq (the same, rounded so that"
          + " outputs on calibration data keep close), nf4 (4 bits that look up the levels of NormalFloat:"
          + " closer than int4 without calibration), float16, bfloat16 (half the bytes, no loss to"
          + " speak of).",
      "--include and --exclude go with a preset; a recipe chooses its layers itself.",
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
  private static final int MOST_NOTES = 5;

  @Mixin private Output output;
  @Mixin private Threads threads;
  @Mixin private LayerOptions layers;
  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "MODEL", description = "The model to compress: .onnx or .dmt.")
  private Path model;

  @ArgGroup(multiplicity = "1")
  private How how;

  @Option(
      names = "--calibration",
      paramLabel = "DATA",
      description = {
        "Samples of what the model will be given: .npz, a folder of images, or text with --tokenizer. Needed for static ranges; with it,"
            + " the report says how close outputs stay."
      })
  private Path calibration;

  @Mixin private DataOptions data;
  @Mixin private Form form;

  @Option(
      names = "--samples",
      paramLabel = "N",
      defaultValue = "128",
      description =
          "Calibration samples to use, of a folder at even distances (default: ${DEFAULT-VALUE}).")
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
        description = "One of: int8, int8-static, int4, int4-gptq, nf4, float16, bfloat16.")
    private String preset;

    @Option(names = "--recipe", paramLabel = "R.yaml", description = "Steps from a file.")
    private Path recipe;
  }

  @Override
  public Integer call() throws Exception {
    Recipe recipe = recipe();
    Usage.require(samples >= 1, spec, "--samples must be at least 1");
    if (plan) {
      printPlan(recipe.plan(Model.load(model)));
      return 0;
    }
    Usage.require(target != null, spec, "name the file to write: -o OUT");
    ModelFormats.requireWritable(target);
    Targets.check(target, model);
    form.check(target);
    if (reportFile != null) {
      Targets.check(reportFile, model, target);
    }
    CompressionResult result = compress(recipe);
    form.save(result.model(), target);
    Report report = result.report().withFileSizes(Files.size(model), Files.size(target));
    if (reportFile != null) {
      report = withCosts(report);
      ReportFile.write(reportFile, report);
    }
    print(report);
    return 0;
  }

  private CompressionResult compress(Recipe recipe) throws IOException {
    Model loaded = Model.load(model);
    try (Output.Progress progress = output.progress()) {
      Compressor compressor = Compressor.on(loaded).progress(progress);
      if (calibration == null) {
        return compressor.apply(recipe);
      }
      Dataset given = data.read(calibration, loaded, samples);
      CompressionResult result = compressor.calibration(given).apply(recipe);
      if (given instanceof ImageFolder images) {
        SkippedImages.report(images, new LinkedHashMap<>(), output);
      }
      return result;
    }
  }

  private Report withCosts(Report report) throws IOException, InterruptedException {
    try {
      return new CostMeasurement(threads.count()).addTo(report, model, target);
    } catch (CostMeasurement.MeasurementException failed) {
      output.note("the report goes without speed and memory: " + failed.getMessage());
      return report;
    }
  }

  private Recipe recipe() {
    if (how.recipe != null) {
      Usage.require(!layers.given(), spec, "with --recipe, layers are chosen in the recipe");
      return Recipe.load(how.recipe);
    }
    try {
      return Recipe.of(Presets.named(how.preset).in(layers.selector()));
    } catch (IllegalArgumentException unknown) {
      throw new ParameterException(spec.commandLine(), unknown.getMessage());
    }
  }

  private void printPlan(Plan plan) throws IOException {
    List<String> steps = plan.steps().stream().map(Plan.StepPlan::step).toList();
    List<Report.LayerReport> layers = new ArrayList<>();
    long saved = 0;
    for (Plan.StepPlan step : plan.steps()) {
      output.line(step.step() + (step.needsCalibration() ? " (needs --calibration)" : ""));
      for (LayerPlan layer : step.layers()) {
        layers.add(planned(layer));
        saved += layer.bytesBefore() - layer.bytesAfter();
        output.line(
            "  %10s -> %10s  %s %s%s",
            Output.megabytes(layer.bytesBefore()),
            Output.megabytes(layer.bytesAfter()),
            layer.layer(),
            layer.shape(),
            remark(layer));
      }
    }
    output.line(
        "%s %s -> about %s",
        model, Output.megabytes(Files.size(model)), Output.megabytes(Files.size(model) - saved));
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("recipe", steps);
    result.put("layers", layers);
    result.put("needs_calibration", plan.needsCalibration());
    result.put("input_bytes", Files.size(model));
    result.put("output_bytes", Files.size(model) - saved);
    output.json(result);
  }

  private static Report.LayerReport planned(LayerPlan layer) {
    return new Report.LayerReport(
        layer.layer(),
        layer.shape(),
        layer.encodingBefore(),
        layer.encodingAfter(),
        layer.bytesBefore(),
        layer.bytesAfter(),
        null,
        null,
        layer.reason(),
        layer.note());
  }

  private static String remark(LayerPlan layer) {
    if (layer.skipped()) {
      return "  (left as it is: " + layer.reason() + ")";
    }
    return layer.note() == null ? "" : "  (" + layer.note() + ")";
  }

  private void print(Report report) {
    output.json(report);
    report.recipe().forEach(output::line);
    List<String> skipped = new ArrayList<>();
    Map<String, Integer> encodings = new LinkedHashMap<>();
    Map<String, Integer> notes = new LinkedHashMap<>();
    for (Report.LayerReport layer : report.layers()) {
      if (layer.reason().isEmpty()) {
        encodings.merge(layer.encodingBefore() + " -> " + layer.encodingAfter(), 1, Integer::sum);
        if (layer.note() != null) {
          notes.merge(layer.note(), 1, Integer::sum);
        }
      } else {
        skipped.add(layer.name() + ": " + layer.reason());
      }
    }
    encodings.forEach((encoding, count) -> output.line("  %d layers %s", count, encoding));
    notes.entrySet().stream()
        .limit(MOST_NOTES)
        .forEach(note -> output.line("  %d of them: %s", note.getValue(), note.getKey()));
    if (notes.size() > MOST_NOTES) {
      output.line("  and %d notes more: --report has all", notes.size() - MOST_NOTES);
    }
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
