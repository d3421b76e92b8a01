package io.github.demitasse.cli;

import io.github.demitasse.Model;
import io.github.demitasse.cli.data.ArrayFile;
import io.github.demitasse.cli.data.ImageFolder;
import io.github.demitasse.cli.data.ImageOptions;
import io.github.demitasse.format.npz.Npz;
import io.github.demitasse.runtime.Session;
import io.github.demitasse.tensor.Tensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code demitasse run}. */
@Command(
    name = "run",
    mixinStandardHelpOptions = true,
    description = {
      "Runs a model once on arrays in an .npz file (as numpy.savez writes it) and writes its outputs to"
          + " another.",
      "The arrays' names are the names of the model's inputs; 'demitasse inspect' lists them.",
      "Or on an image, or on all images of a folder: then the outputs have one row for each, in the order of"
          + " their names."
    },
    footer = {
      "",
      "Examples:",
      "  demitasse run model.dmt --input in.npz --output out.npz",
      "  demitasse run ocr.dmt --input images --preprocess p.yaml --output out.npz"
    })
final class RunCommand implements Callable<Integer> {
  @Mixin private Output output;
  @Mixin private Threads threads;
  @Mixin private ImageOptions images;
  @Spec private CommandSpec spec;

  @Parameters(paramLabel = "MODEL", description = "The model: .onnx or .dmt.")
  private Path model;

  @Option(
      names = "--input",
      required = true,
      paramLabel = "IN",
      description = "The inputs: .npz, an image, or a folder of images.")
  private Path input;

  @Option(
      names = "--output",
      required = true,
      paramLabel = "OUT.npz",
      description = "Where the outputs go.")
  private Path target;

  @Override
  public Integer call() throws Exception {
    Usage.require(ArrayFile.isArrays(target), spec, "the name of --output should end in .npz");
    Targets.check(target, model, input);
    Model loaded = Model.load(model);
    Map<String, Object> result = new LinkedHashMap<>();
    boolean isImages = ImageFolder.isImages(input);
    ImageFolder folder = isImages ? images.open(input, loaded, Integer.MAX_VALUE) : null;
    Map<String, Tensor> inputs = isImages ? null : Npz.read(input);
    try (Session session = Session.open(loaded, threads.options())) {
      Map<String, Tensor> outputs = isImages ? ImageRun.of(session, folder) : session.run(inputs);
      Npz.write(outputs, target);
      Map<String, String> shapes = new LinkedHashMap<>();
      outputs.forEach((name, tensor) -> shapes.put(name, tensor.toString()));
      result.put("outputs", shapes);
      shapes.forEach((name, shape) -> output.line("%s %s", name, shape));
    }
    if (isImages) {
      result.put("files", folder.delivered().stream().map(Path::toString).toList());
      SkippedImages.report(folder, result, output);
    }
    output.json(result);
    return 0;
  }
}
