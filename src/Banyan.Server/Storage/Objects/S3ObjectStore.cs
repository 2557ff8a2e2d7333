using System.Net;
using System.Runtime.CompilerServices;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;

namespace Banyan.Server.Storage.Objects;

/// <summary>Where an S3 store is and how to speak to it.</summary>
/// <param name="Bucket">The bucket, which exists.</param>
/// <param name="Prefix">What every key begins with there; empty, or ending in a slash.</param>
/// <param name="Endpoint">Address of a store that is not Amazon's, or null.</param>
/// <param name="Region">Region, for example <c>us-east-1</c>.</param>
/// <param name="AccessKey">Access key, or null to find credentials where Amazon's tools find them.</param>
/// <param name="SecretKey">Secret key.</param>
/// <param name="SpoolFolder">The folder of objects that are not sent yet; null for the system's folder of temporary files.</param>
public sealed record S3Options(
    string Bucket, string Prefix = "", string? Endpoint = null, string Region = "us-east-1", string? AccessKey = null,
    string? SecretKey = null, string? SpoolFolder = null);

/// <summary>
/// Objects in an S3 bucket. Works with stores that support neither chunked uploads nor checksum headers. A put asks the store not to
/// overwrite; if the store ignores that, equal keys mean equal content anyway.
/// </summary>
public sealed class S3ObjectStore : IObjectStore, IDisposable
{
    readonly AmazonS3Client _client;
    readonly S3Options _options;

    /// <summary>Connects on first use.</summary>
    public S3ObjectStore(S3Options options)
    {
        _options = options;
        var config = new AmazonS3Config
        {
            ForcePathStyle = true,
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
            Timeout = TimeSpan.FromMinutes(5),
            MaxErrorRetry = 4,
            // Otherwise the client stops trying again at all once it has done so often: a store that fails one request in four makes
            // every file of many objects unreadable after a while, where each alone would be had at the second try.
            ThrottleRetries = false,
        };
        if (options.Endpoint is { } endpoint)
        {
            config.ServiceURL = endpoint;
            config.AuthenticationRegion = options.Region;
        }
        else
        {
            config.RegionEndpoint = Amazon.RegionEndpoint.GetBySystemName(options.Region);
        }
        _client = options.AccessKey is { } key
            ? new AmazonS3Client(new BasicAWSCredentials(key, options.SecretKey), config)
            : new AmazonS3Client(config);
    }

    string Key(string key) => _options.Prefix + ObjectKey.Checked(key);

    /// <inheritdoc/>
    public async Task<PutOutcome> PutAsync(string key, Stream content, long length, CancellationToken cancellationToken)
    {
        var name = Key(key);
        if (content.Length - content.Position < length)
            throw new EndOfStreamException($"{length - (content.Length - content.Position)} of {length} bytes are missing.");
        if (await LengthAsync(key, cancellationToken) is not null)
            return PutOutcome.AlreadyThere;
        try
        {
            await _client.PutObjectAsync(
                new PutObjectRequest
                {
                    BucketName = _options.Bucket,
                    Key = name,
                    InputStream = new SeekableSlice(content, length),
                    AutoCloseStream = false,
                    AutoResetStreamPosition = false,
                    UseChunkEncoding = false,
                    IfNoneMatch = "*",
                },
                cancellationToken);
            return PutOutcome.Stored;
        }
        catch (AmazonS3Exception e) when (e.StatusCode is HttpStatusCode.PreconditionFailed or HttpStatusCode.Conflict)
        {
            return PutOutcome.AlreadyThere;
        }
    }

    /// <inheritdoc/>
    public ObjectDraft Begin() => new SpooledDraft(this, _options.SpoolFolder ?? Path.GetTempPath());

    /// <inheritdoc/>
    public async Task<Stream?> OpenAsync(string key, long offset, long? length, CancellationToken cancellationToken) =>
        await OpenOnceAsync(key, offset, length, cancellationToken) is { } first
            ? new ResumingStream(first, offset, length, (at, left, token) => OpenOnceAsync(key, at, left, token))
            : null;

    async Task<Stream?> OpenOnceAsync(string key, long offset, long? length, CancellationToken cancellationToken)
    {
        var request = new GetObjectRequest { BucketName = _options.Bucket, Key = Key(key) };
        if (length == 0)
            return await LengthAsync(key, cancellationToken) is null ? null : Stream.Null;
        if (offset > 0 || length is not null)
            request.ByteRange = length is { } limit ? new ByteRange(offset, offset + limit - 1) : new ByteRange($"bytes={offset}-");
        try
        {
            return (await _client.GetObjectAsync(request, cancellationToken)).ResponseStream;
        }
        catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }
        catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            return Stream.Null;
        }
    }

    /// <inheritdoc/>
    public async Task<long?> LengthAsync(string key, CancellationToken cancellationToken)
    {
        try
        {
            return (await _client.GetObjectMetadataAsync(_options.Bucket, Key(key), cancellationToken)).ContentLength;
        }
        catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public async Task<bool> DeleteAsync(string key, CancellationToken cancellationToken)
    {
        var there = await LengthAsync(key, cancellationToken) is not null;
        await _client.DeleteObjectAsync(_options.Bucket, Key(key), cancellationToken);
        return there;
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<StoredObject> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var request = new ListObjectsV2Request { BucketName = _options.Bucket, Prefix = _options.Prefix + prefix };
        ListObjectsV2Response page;
        do
        {
            page = await _client.ListObjectsV2Async(request, cancellationToken);
            foreach (var found in page.S3Objects ?? [])
                yield return new StoredObject(found.Key[_options.Prefix.Length..], found.Size ?? 0, found.LastModified ?? default);
            request.ContinuationToken = page.NextContinuationToken;
        }
        while (page.IsTruncated == true);
    }

    /// <inheritdoc/>
    public Uri? PresignGet(string key, TimeSpan validity) => Presign(key, validity, null);

    /// <summary>The range is among the signed headers: the store refuses any other.</summary>
    public Uri? PresignGet(string key, TimeSpan validity, long first, long last) => Presign(key, validity, $"bytes={first}-{last}");

    Uri Presign(string key, TimeSpan validity, string? range)
    {
        var request = new GetPreSignedUrlRequest
        {
            BucketName = _options.Bucket,
            Key = Key(key),
            Verb = HttpVerb.GET,
            Expires = DateTime.UtcNow + validity,
            Protocol = _options.Endpoint?.StartsWith("http://", StringComparison.Ordinal) == true ? Protocol.HTTP : Protocol.HTTPS,
        };
        if (range is not null)
            request.Headers["Range"] = range;
        return new Uri(_client.GetPreSignedURL(request));
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();
}
