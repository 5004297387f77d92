package dev.turnstone.engine;

import ai.djl.Device;
import ai.djl.engine.Engine;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Where libtorch computes: the CPU, or the GPU that `TURNSTONE_DEVICE` names as `cuda` or
/// `cuda:1`.
///
/// One for the process. A GPU needs libtorch's natives for it, which do not come with Turnstone:
/// `PYTORCH_LIBRARY_PATH` names the `lib` folder of a torch installed there. Untested: no machine
/// with a GPU was at hand.
final class ComputeDevice {
  private static final String VARIABLE = "TURNSTONE_DEVICE";
  private static final Pattern FORM = Pattern.compile("cpu|cuda(?::(\\d{1,2}))?");

  private ComputeDevice() {}

  private static String said() {
    String value = System.getenv(VARIABLE);
    return value == null || value.isBlank() ? "cpu" : value;
  }

  /// @throws ModelException if it is not there
  static void check() throws ModelException {
    if (!FORM.matcher(said()).matches())
      throw new ModelException(
          "%s must be cpu, cuda or cuda:N, but is %s".formatted(VARIABLE, said()));
    Device device = chosen();
    if (device.isGpu()) check(device);
  }

  private static void check(Device device) throws ModelException {
    int devices = Engine.getEngine("PyTorch").getGpuCount();
    if (device.getDeviceId() >= devices)
      throw new ModelException(
          "%s is %s, but there are %d CUDA devices".formatted(VARIABLE, said(), devices));
  }

  static Device chosen() {
    Matcher form = FORM.matcher(said());
    if (!form.matches() || said().equals("cpu")) return Device.cpu();
    return Device.gpu(form.group(1) == null ? 0 : Integer.parseInt(form.group(1)));
  }

  /// As a TorchScript source writes it.
  static String literal() {
    Device device = chosen();
    return device.isGpu()
        ? "torch.device(\"cuda:%d\")".formatted(device.getDeviceId())
        : "torch.device(\"cpu\")";
  }
}
