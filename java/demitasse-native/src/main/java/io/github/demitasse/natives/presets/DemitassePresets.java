package io.github.demitasse.natives.presets;

import org.bytedeco.javacpp.tools.Info;
import org.bytedeco.javacpp.tools.InfoMap;
import org.bytedeco.javacpp.tools.InfoMapper;

/**
 * Build-time only: how the types of the C ABI map to Java.
 *
 * <p>Handles and addresses are {@code long}, arrays are Java arrays, strings are strings: nothing
 * that needs JavaCPP's own classes at run time, which take a cold JVM longer to load than a model.
 */
public class DemitassePresets implements InfoMapper {
  @Override
  public void map(InfoMap infoMap) {
    infoMap
        .put(new Info("DMT_API").cppTypes().annotations())
        .put(new Info("dmt_program", "dmt_weight").cast().valueTypes("long").skip())
        .put(new Info("const void").cast().valueTypes("long"))
        .put(new Info("const char").valueTypes("byte").pointerTypes("String"))
        .put(new Info("uint8_t").cast().valueTypes("byte").pointerTypes("byte[]"))
        .put(new Info("int32_t").valueTypes("int").pointerTypes("int[]"))
        .put(new Info("int64_t").cast().valueTypes("long").pointerTypes("long[]"))
        .put(new Info("float").valueTypes("float").pointerTypes("float[]"))
        .put(new Info("double").valueTypes("double").pointerTypes("double[]"))
        .put(
            new Info("dmt_buffer_address")
                .javaText(
                    "/** The address of a direct buffer's first byte; 0 for any other buffer. */\n"
                        + "public static native long dmt_buffer_address("
                        + "@Raw(withEnv = true) Buffer buffer);"));
  }
}
