#!/bin/bash
# Starts Kafka as its image does, and gives each service's user its password and its rights: at every start, so that a changed
# password or a new right counts from then on. The services try again until they are let in.
set -euo pipefail
home=${HUITOU_KAFKA_HOME:-/opt/kafka}
local=127.0.0.1:${HUITOU_KAFKA_PORT:-9094}
secrets=${HUITOU_KAFKA_SECRETS:-/run/secrets}

if [ "${1:-}" = grant ]; then
    for service in profile loyalty feedback scoring; do
        "$home/bin/kafka-configs.sh" --bootstrap-server "$local" --alter --entity-type users --entity-name "$service" \
            --add-config-file <(printf 'SCRAM-SHA-512=password=%s\n' "$(cat "$secrets/$service")")
    done
    while read -r right; do
        # shellcheck disable=SC2086  # a line is several arguments
        "$home/bin/kafka-acls.sh" --bootstrap-server "$local" $right </dev/null
    done <"$(dirname "$0")/rights"
    echo "The services' users have their passwords and rights."
    exit
fi

(until bash "$0" grant || ! kill -0 $$; do sleep 2; done) &
exec "${HUITOU_KAFKA_RUN:-/etc/kafka/docker/run}"
