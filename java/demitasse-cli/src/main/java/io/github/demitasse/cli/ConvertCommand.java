package io.github.demitasse.cli;

import io.github.demitasse.Model;
import io.github.demitasse.format.ModelFormats;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code demitasse convert}. */
@Command(
    name = "convert",
    mixinStandardHelpOptions = true,
    description = {
      "Writes a model in another format.",
      "The ending of OUT says which: .onnx runs in other runtimes, .dmt opens fastest in Demitasse.",
      "A compressed model stays compressed: in .onnx, quantized weights become QDQ nodes."
    },
    footer = {"", "Example:", "  demitasse convert model.dmt model.onnx"})
final class ConvertCommand implements Callable<Integer> {
  @Mixin private Output output;
  @Mixin private Form form;

  @Parameters(index = "0", paramLabel = "MODEL", description = "The model to read.")
  private Path model;

  @Parameters(index = "1", paramLabel = "OUT", description = "The file to write.")
  private Path out;

  @Override
  public Integer call() throws Exception {
    ModelFormats.requireWritable(out);
    Targets.check(out, model);
    form.check(out);
    form.save(Model.load(model), out);
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("input_bytes", Files.size(model));
    result.put("output_bytes", Files.size(out));
    output.json(result);
    output.line(
        "%s (%s) -> %s (%s)",
        model, Output.megabytes(Files.size(model)), out, Output.megabytes(Files.size(out)));
    return 0;
  }
}
