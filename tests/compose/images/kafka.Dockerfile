# Stands in for the published apache/kafka image where no image registry is reached: the same variables and the same place
# for the data; the broker is Apache's own, from its Maven artefacts (the build context `jars`).
ARG BASE
FROM ${BASE}
# Some scripts of Java's packages write manual pages, which a minimal base has no folder for.
RUN apt-get update -qq \
 && mkdir -p /usr/share/man/man1 \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends openjdk-17-jre-headless >/dev/null \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 1000 --no-create-home kafka \
 && install --directory --owner kafka /var/lib/kafka /var/lib/kafka/data
COPY --from=jars . /opt/kafka/libs
COPY kafka.sh /usr/local/bin/start
USER kafka
VOLUME /var/lib/kafka/data
ENTRYPOINT ["sh", "/usr/local/bin/start"]
