package dev.turnstone.envadapters;

import dev.turnstone.envadapters.mcp.McpSource;
import dev.turnstone.envadapters.nemogym.NemoGymSource;
import dev.turnstone.envadapters.openapi.OpenApiSource;
import dev.turnstone.envadapters.openenv.OpenEnvSource;
import dev.turnstone.envadapters.tools.Host;
import dev.turnstone.envadapters.tools.HttpTool;
import dev.turnstone.envadapters.tools.SandboxTool;
import dev.turnstone.envadapters.tools.StatelessSource;
import dev.turnstone.envadapters.tools.ToolEntry;
import dev.turnstone.envadapters.tools.ToolSource;

/// What each kind of entry is made of.
final class Sources {
  private Sources() {}

  static ToolSource of(ToolEntry entry, Host host) {
    return switch (entry) {
      case ToolEntry.Sandbox sandbox -> new StatelessSource(new SandboxTool(sandbox, host));
      case ToolEntry.Http http -> new StatelessSource(HttpTool.of(http, host));
      case ToolEntry.OpenApi openApi -> new OpenApiSource(openApi, host);
      case ToolEntry.Mcp mcp -> new McpSource(mcp, host);
      case ToolEntry.OpenEnv openEnv -> new OpenEnvSource(openEnv, host);
      case ToolEntry.NemoGym gym -> new NemoGymSource(gym, host);
    };
  }
}
