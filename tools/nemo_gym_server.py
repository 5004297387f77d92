"""A NeMo Gym resource server to try our client on (Python 3.12 or newer, pip install nemo-gym==0.4.0), from its own examples:
python tools/nemo_gym_server.py {example_multi_step,example_multi_turn_gymnasium} PORT. RealPeersTest starts it."""
import importlib
import sys
from unittest.mock import MagicMock

import uvicorn
from nemo_gym.base_resources_server import BaseResourcesServerConfig, SimpleResourcesServer
from nemo_gym.server_utils import ServerClient

name, port = sys.argv[1], int(sys.argv[2])
module = importlib.import_module(f"resources_servers.{name}.app")
kind = next(
    value
    for value in vars(module).values()
    if isinstance(value, type) and issubclass(value, SimpleResourcesServer) and value.__module__ == module.__name__
)
config = BaseResourcesServerConfig(host="127.0.0.1", port=port, entrypoint="", name=name)
config_kind = kind.model_fields["config"].annotation
server = kind(config=config_kind(**config.model_dump()), server_client=MagicMock(spec=ServerClient))


class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets=sockets)
        print("listening", flush=True)


Server(uvicorn.Config(server.setup_webserver(), host="127.0.0.1", port=port, log_level="warning")).run()
