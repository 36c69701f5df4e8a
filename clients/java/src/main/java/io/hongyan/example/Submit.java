package io.hongyan.example;

import com.google.protobuf.ByteString;
import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.TlsChannelCredentials;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import io.hongyan.v1.Job;
import io.hongyan.v1.JobServiceGrpc;
import io.hongyan.v1.QueryUploadRequest;
import io.hongyan.v1.SubmitRequest;
import io.hongyan.v1.UploadHeader;
import io.hongyan.v1.UploadRequest;
import io.hongyan.v1.UploadResponse;
import io.hongyan.v1.UploadedFile;
import io.hongyan.v1.WatchRequest;
import io.hongyan.v1.WatchResponse;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.concurrent.CompletableFuture;

/**
 * Uploads a zipped bundle, submits it and watches the job to its end.
 *
 * <p>Arguments: HOST:PORT, file with the API key, bundle.zip, upload id (8 to 64 letters, digits, - and _). The same upload id
 * again goes on with an upload that broke off, and gives the same job.
 */
public final class Submit {
  private static final int CHUNK = 1 << 20;

  private Submit() {}

  public static void main(String[] arguments) throws Exception {
    String target = arguments[0];
    String key = Files.readString(Path.of(arguments[1])).strip();
    Path bundle = Path.of(arguments[2]);
    String uploadId = arguments[3];

    ManagedChannel channel = Grpc.newChannelBuilder(target, credentials(target)).build();
    try {
      Metadata metadata = new Metadata();
      metadata.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer " + key);
      var withKey = MetadataUtils.newAttachHeadersInterceptor(metadata);
      var jobs = JobServiceGrpc.newBlockingStub(channel).withInterceptors(withKey);
      var streams = JobServiceGrpc.newStub(channel).withInterceptors(withKey);

      upload(jobs, streams, uploadId, bundle);
      Job job = jobs.submit(SubmitRequest.newBuilder().setUploadId(uploadId).build()).getJob();
      System.out.printf("job %s: %,d rows%n", job.getId(), job.getRows());

      Iterator<WatchResponse> changes = jobs.watch(WatchRequest.newBuilder().setJob(job.getId()).build());
      while (changes.hasNext()) {
        job = changes.next().getJob();
        System.out.printf("%s: %,d of %,d delivered%n", job.getState(), job.getCounts().getDelivered(), job.getRows());
      }
    } finally {
      channel.shutdownNow();
    }
  }

  /** A key goes out in clear to this machine only. */
  private static ChannelCredentials credentials(String target) {
    return target.startsWith("127.0.0.1:") ? InsecureChannelCredentials.create() : TlsChannelCredentials.create();
  }

  /** Uploads what the gateway does not have yet, and waits until the file is whole. */
  private static void upload(
      JobServiceGrpc.JobServiceBlockingStub jobs, JobServiceGrpc.JobServiceStub streams, String uploadId, Path bundle)
      throws Exception {
    String path = "bundle.zip";
    long offset = 0;
    for (UploadedFile file :
        jobs.queryUpload(QueryUploadRequest.newBuilder().setUploadId(uploadId).build()).getFilesList()) {
      if (file.getPath().equals(path)) {
        if (file.getComplete()) {
          return;
        }
        offset = file.getCommittedSize();
      }
    }
    CompletableFuture<UploadResponse> answer = new CompletableFuture<>();
    StreamObserver<UploadRequest> steps = streams.upload(into(answer));
    UploadHeader header =
        UploadHeader.newBuilder()
            .setUploadId(uploadId)
            .setPath(path)
            .setOffset(offset)
            .setSize(Files.size(bundle))
            .build();
    steps.onNext(UploadRequest.newBuilder().setHeader(header).build());
    send(bundle, offset, steps, answer);
    steps.onCompleted();
    if (!answer.get().getFile().getComplete()) {
      throw new IOException("the upload ended early: run again, it goes on");
    }
  }

  private static void send(
      Path bundle, long offset, StreamObserver<UploadRequest> steps, CompletableFuture<UploadResponse> answer)
      throws IOException, InterruptedException {
    var flow = (io.grpc.stub.ClientCallStreamObserver<UploadRequest>) steps;
    try (InputStream stream = Files.newInputStream(bundle)) {
      stream.skipNBytes(offset);
      byte[] chunk;
      while ((chunk = stream.readNBytes(CHUNK)).length > 0 && !answer.isDone()) {
        while (!flow.isReady() && !answer.isDone()) {
          Thread.sleep(1); // the network is slower than the disk: a large bundle must not pile up in memory
        }
        if (!answer.isDone()) {
          steps.onNext(UploadRequest.newBuilder().setChunk(ByteString.copyFrom(chunk)).build());
        }
      }
    }
  }

  private static StreamObserver<UploadResponse> into(CompletableFuture<UploadResponse> answer) {
    return new StreamObserver<>() {
      @Override
      public void onNext(UploadResponse response) {
        answer.complete(response);
      }

      @Override
      public void onError(Throwable error) {
        answer.completeExceptionally(error);
      }

      @Override
      public void onCompleted() {}
    };
  }
}
