using System.Text;
using Banyan.Server.Hub;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Pages;

/// <summary>Pages of a hub that a proxy shows below a path (<c>--public-url https://example.org/banyan/</c>), which the proxy removes from
/// requests. Pages contain addresses as if the hub were the root of its host; this adds the path, in the one place that all pages pass
/// through.</summary>
static class PathPrefix
{
    /// <summary>An address of this hub as the browser reaches it, where one is not part of a page: of redirects, of cookies.</summary>
    public static string Of(HttpContext context, string address) =>
        address is ['/', ..] ? (context.RequestServices.GetService(typeof(HubAddress)) as HubAddress)?.Path + address : address;

    /// <summary>Adds the path to the addresses in pages; nothing where there is none.</summary>
    public static void UsePathPrefix(this WebApplication app)
    {
        if (app.Services.GetService(typeof(HubAddress)) is not HubAddress { Path: { Length: > 0 } path })
            return;
        app.Use(async (context, next) =>
        {
            if (!HtmlPage.IsWanted(context.Request))
            {
                await next(context);
                return;
            }
            var body = context.Response.Body;
            context.Response.Body = new PrefixedHtml(body, context.Response, path);
            try
            {
                await next(context);
            }
            finally
            {
                context.Response.Body = body;
            }
        });
    }

    /// <summary>
    /// Adds the path to the values of attributes that are addresses and begin with one slash. What is no HTML passes as it is.
    /// </summary>
    internal sealed class PrefixedHtml(Stream to, HttpResponse response, string path) : Stream
    {
        static readonly string[] s_attributes = ["href", "src", "action", "formaction", "poster", "data-pieces"];

        readonly byte[] _path = Encoding.ASCII.GetBytes(path);
        readonly StringBuilder _name = new();
        bool? _isHtml;
        bool _inTag, _inValue, _atValue, _held;

        bool IsHtml()
        {
            if (_isHtml is { } known)
                return known;
            _isHtml = response.ContentType?.StartsWith("text/html", StringComparison.OrdinalIgnoreCase) == true;
            if (_isHtml == true && !response.HasStarted)
                response.ContentLength = null;   // it was said of what is sent without the path
            return _isHtml.Value;
        }

        /// <summary>What becomes of some bytes; what is decided by the next is held.</summary>
        internal byte[] Change(ReadOnlySpan<byte> bytes)
        {
            var changed = new MemoryStream(bytes.Length + 512);
            foreach (var b in bytes)
            {
                if (_held)
                {
                    if (b != '/')
                        changed.Write(_path);
                    changed.WriteByte((byte)'/');
                    _held = false;
                }
                if (_atValue)
                {
                    _atValue = false;
                    if (b == '/')
                    {
                        _held = true;
                        continue;
                    }
                }
                changed.WriteByte(b);
                if (_inValue)
                    _inValue = b != '"';
                else if (!_inTag)
                    (_inTag, _name.Length) = (b == '<', 0);
                else if (b == '>')
                    _inTag = false;
                else if (b == '"')
                    (_inValue, _atValue, _name.Length) = (true, s_attributes.Contains(_name.ToString()), 0);
                else if (b is (byte)' ' or (byte)'\n')
                    _name.Length = 0;
                else if (b != '=' && _name.Length < 16)
                    _name.Append((char)b);
            }
            return changed.ToArray();
        }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (IsHtml())
                to.Write(Change(buffer));
            else
                to.Write(buffer);
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
            to.WriteAsync(IsHtml() ? Change(buffer.Span) : buffer, cancellationToken);

        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
            WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override void Flush() => to.Flush();

        public override Task FlushAsync(CancellationToken cancellationToken) => to.FlushAsync(cancellationToken);

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
