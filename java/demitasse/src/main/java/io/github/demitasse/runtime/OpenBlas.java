package io.github.demitasse.runtime;

import io.github.demitasse.natives.Demitasse;
import io.github.demitasse.natives.NativeLibrary;
import java.io.File;
import java.io.IOException;
import java.net.URL;
import org.bytedeco.javacpp.Loader;

/** Thread-safe: finds OpenBLAS's library and gives it to the native library, once. */
final class OpenBlas {
  private static final String FILE_PROPERTY = "demitasse.openblas";

  /** The library last: it looks for the others beside itself. */
  private static final String[] LIBRARIES = {
    "libquadmath.so.0", "libgfortran.so.5", "libopenblas.so.0"
  };

  private OpenBlas() {}

  static void load() {
    if (Holder.failure != null) {
      throw new UnsupportedOperationException(Holder.failure);
    }
  }

  /** Tried once: a second attempt could not end differently. */
  private static final class Holder {
    static final String failure = tryLoading();

    private static String tryLoading() {
      NativeLibrary.load();
      try {
        String file = System.getProperty(FILE_PROPERTY);
        NativeStatus.check(Demitasse.dmt_linalg_load(file == null ? unpack() : file));
        return null;
      } catch (IOException | UnsupportedOperationException failed) {
        return "linear algebra needs OpenBLAS, which could not be loaded: "
            + failed.getMessage()
            + "; add org.bytedeco:openblas with the classifier "
            + Loader.getPlatform()
            + ", or name a libopenblas.so.0 by -D"
            + FILE_PROPERTY;
      }
    }
  }

  /** The path of the library in JavaCPP's cache. */
  private static String unpack() throws IOException {
    File unpacked = null;
    for (String library : LIBRARIES) {
      URL resource =
          OpenBlas.class.getResource(
              "/org/bytedeco/openblas/" + Loader.getPlatform() + "/" + library);
      if (resource == null) {
        throw new IOException(library + " is not on the class path");
      }
      unpacked = Loader.cacheResource(resource);
      if (unpacked == null) {
        throw new IOException(library + " cannot be unpacked into JavaCPP's cache");
      }
    }
    return unpacked.getPath();
  }
}
