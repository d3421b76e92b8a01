package io.github.demitasse.runtime;

import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.TopologicalOrder;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.natives.NativeLibrary;
import io.github.demitasse.operator.NativeCall;
import io.github.demitasse.operator.Operators;
import io.github.demitasse.operator.StatedValues;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.QuantizedWeight;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Thread-safe: what every session needs of the process, made ready while its model is being read:
 * the native library, the tables of operators, and classes, each of which takes a cold JVM a third
 * of a millisecond to load. Together that is a third of the time to open a small model.
 */
final class NativePreload implements Runnable {
  private static final AtomicBoolean STARTED = new AtomicBoolean();

  private NativePreload() {}

  /** Starts loading once. Whoever needs the library waits for it and is told of a failure. */
  static void start() {
    if (!STARTED.getAndSet(true)) {
      Thread thread = new Thread(new NativePreload(), "demitasse-preload");
      thread.setDaemon(true);
      thread.start();
    }
  }

  @Override
  public void run() {
    try {
      NativeLibrary.load();
      loadClassesOfModels();
      NodeLowerings.load();
      Operators.find(Domains.ONNX, "Add");
      loadClassesOfSessions();
      Tensor.allocate(DataType.UINT8, 1).close();
    } catch (LinkageError failure) {
      RuntimeLog.debug("the native library could not be loaded", failure);
    }
  }

  /** In the order in which reading a model comes upon them. To name a class is to load it. */
  private static Class<?>[] loadClassesOfModels() {
    return new Class<?>[] {
      Dimension.Symbol.class,
      Dimension.Known.class,
      Shape.class,
      ValueInfo.class,
      Node.class,
      Attribute.OfInteger.class,
      Attribute.OfFloat.class,
      Attribute.OfString.class,
      Graph.class,
      Tensor.class,
      QuantizedWeight.class,
      Granularity.PerChannel.class,
      DenseWeight.class,
      TopologicalOrder.class,
    };
  }

  /** In the order in which opening and running come upon them. */
  private static Class<?>[] loadClassesOfSessions() {
    return new Class<?>[] {
      UseCount.class,
      PreparedModel.class,
      SessionInputs.class,
      PackedWeights.class,
      SequenceRunner.class,
      SequenceView.class,
      StatedValues.class,
      SequenceProgram.class,
      RowShape.class,
      Lowering.class,
      RowOperators.class,
      RowContext.class,
      NativeCall.class,
      Quantization.class,
      ProgramBuilder.class,
      NativeStatus.class,
      NativeProgram.class,
      ShapedRunner.class,
      Binding.class,
    };
  }
}
