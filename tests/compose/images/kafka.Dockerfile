# Stands in for the published apache/kafka image where no image registry is reached: the same variables, the same tools and
# the same place for the data; all of it is Apache's own, from its Maven artefacts (the build contexts `jars` and `tools`).
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
COPY --from=tools . /opt/kafka/libs
COPY kafka/bin /opt/kafka/bin
COPY kafka/run /etc/kafka/docker/run
COPY kafka/defaults /etc/kafka/docker/defaults
USER kafka
VOLUME /var/lib/kafka/data
CMD ["/etc/kafka/docker/run"]
