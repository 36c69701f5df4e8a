// Uploads a zipped bundle, submits it and watches the job to its end.
//
// Arguments: HOST:PORT, file with the API key, bundle.zip, upload id (8 to 64 letters, digits, - and _). The same upload id again
// goes on with an upload that broke off, and gives the same job.

using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Hongyan.V1;

const int Chunk = 1 << 20;
const string BundlePath = "bundle.zip";

var (target, key, bundle, uploadId) = (args[0], File.ReadAllText(args[1]).Trim(), args[2], args[3]);

// A key goes out in clear to this machine only.
var scheme = target.StartsWith("127.0.0.1:") ? "http" : "https";
using var channel = GrpcChannel.ForAddress($"{scheme}://{target}");
var jobs = new JobService.JobServiceClient(channel);
var metadata = new Metadata { { "authorization", $"Bearer {key}" } };

await Upload();
var submitted = await jobs.SubmitAsync(new SubmitRequest { UploadId = uploadId }, metadata);
Console.WriteLine($"job {submitted.Job.Id}: {submitted.Job.Rows:N0} rows");

using var watch = jobs.Watch(new WatchRequest { Job = submitted.Job.Id }, metadata);
await foreach (var change in watch.ResponseStream.ReadAllAsync())
{
    Console.WriteLine($"{change.Job.State}: {change.Job.Counts.Delivered:N0} of {change.Job.Rows:N0} delivered");
}

// Uploads what the gateway does not have yet, and waits until the file is whole.
async Task Upload()
{
    var stored = await jobs.QueryUploadAsync(new QueryUploadRequest { UploadId = uploadId }, metadata);
    var known = stored.Files.FirstOrDefault(file => file.Path == BundlePath);
    if (known is { Complete: true })
    {
        return;
    }

    var offset = known?.CommittedSize ?? 0;
    using var stream = File.OpenRead(bundle);
    stream.Seek(offset, SeekOrigin.Begin);
    using var call = jobs.Upload(metadata);
    var header = new UploadHeader { UploadId = uploadId, Path = BundlePath, Offset = offset, Size = stream.Length };
    await call.RequestStream.WriteAsync(new UploadRequest { Header = header });

    var buffer = new byte[Chunk];
    int read;
    while ((read = await stream.ReadAsync(buffer)) > 0)
    {
        await call.RequestStream.WriteAsync(new UploadRequest { Chunk = ByteString.CopyFrom(buffer, 0, read) });
    }

    await call.RequestStream.CompleteAsync();
    if (!(await call.ResponseAsync).File.Complete)
    {
        throw new IOException("the upload ended early: run again, it goes on");
    }
}
