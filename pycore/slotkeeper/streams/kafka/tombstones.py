"""How long a cluster keeps tombstones."""

import logging

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import for_code

from .clients import admin
from .errors import translated
from .options import ClientOptions
from .topics import Topics

SETTING = "delete.retention.ms"

_log = logging.getLogger(__name__)


async def kept_tombstones_ms(options: ClientOptions, topics: Topics) -> int | None:
    """Give the shorter time of the table and the changelog; None if it may not be seen.

    Raises:
        StoreUnavailableError: The cluster cannot be asked now.
    """
    names = [topics.name(stream) for stream in (topics.layout.table, topics.layout.changelog)]
    wanted = [ConfigResource(ConfigResourceType.TOPIC, name, {SETTING: None}) for name in names]
    async with admin(options) as client:
        with translated("the topics' settings are not known"):
            answers = await client.describe_configs(wanted)
    found = []
    for answer in answers:
        for code, message, _, name, entries in answer.resources:
            if code:
                about = {"topic": name, "error": message or for_code(code).__name__}
                _log.warning("how long tombstones are kept is not told", extra=about)
            found += [int(entry[1]) for entry in entries if entry[0] == SETTING]
    return min(found) if len(found) == len(names) else None
