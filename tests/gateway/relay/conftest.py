from tests.redis.conftest import own_redis, redis, redis_process

__all__ = ["own_redis", "redis", "redis_process"]
